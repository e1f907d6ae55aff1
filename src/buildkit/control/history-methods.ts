import { type Methods, streaming, unary } from '../grpc/server.ts';
import { Empty } from '../protobuf/control-messages.ts';
import { BuildEvent, HistoryRequest, UpdateHistoryRequest } from '../protobuf/history-messages.ts';
import type { SolveParts } from './solve.ts';

const CONTROL = '/moby.buildkit.v1.Control';

/** Which builds there were: `docker buildx history`. */
export function historyMethods({ context, history }: Pick<SolveParts, 'context' | 'history'>): Methods {
  return {
    [`${CONTROL}/ListenBuildHistory`]: streaming(HistoryRequest, BuildEvent, (request, { signal }) =>
      history.listen(request, signal),
    ),
    [`${CONTROL}/UpdateBuildHistory`]: unary(UpdateHistoryRequest, Empty, async (request) => {
      const { ref, pinned, finalize } = request;
      if (request.delete) await history.remove(context, ref);
      else if (finalize) await history.finalize(ref);
      else await history.pin(ref, pinned);
      return {};
    }),
  };
}
