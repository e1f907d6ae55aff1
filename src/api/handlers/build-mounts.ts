import type { HandlersOf } from '../call.ts';
import { sendStream } from '../streams/send-stream.ts';

export const buildMountHandlers: HandlersOf<'buildMountExport' | 'buildMountImport'> = {
  async buildMountExport({ engine, context, name, response }) {
    await sendStream(response, 'application/x-tar', await engine.builder.mounts.export(context, name));
  },

  async buildMountImport({ engine, context, name, request }) {
    return { ID: await engine.builder.mounts.import(context, name, request.body) };
  },
};
