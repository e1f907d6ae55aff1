import { FilesystemChange } from '../archive-types.ts';
import { flag, text } from '../query.ts';
import type { Route } from '../route.ts';
import { list } from '../schema.ts';

export const containerFileRoutes = {
  containerPathStat: {
    method: 'HEAD',
    path: '/containers/{id}/archive',
    summary: 'Tells in the header `X-Docker-Container-Path-Stat` what is at a path of a container.',
    query: { path: text() },
    statuses: [200],
    stream: 'none',
    since: '1.20',
  },
  containerPathRead: {
    method: 'GET',
    path: '/containers/{id}/archive',
    summary: 'Reads what is at a path of a container, as a tar; with the header that HEAD gives.',
    query: { path: text() },
    statuses: [200],
    stream: 'bytes',
    since: '1.20',
  },
  containerPathWrite: {
    method: 'PUT',
    path: '/containers/{id}/archive',
    summary: 'Unpacks a tar (plain, gzip or zstd) into a directory of a container.',
    query: { path: text(), noOverwriteDirNonDir: flag(), copyUIDGID: flag() },
    upload: true,
    statuses: [200],
    stream: 'none',
    since: '1.20',
  },
  containerExport: {
    method: 'GET',
    path: '/containers/{id}/export',
    summary: "Reads a container's root filesystem as a tar, without what is mounted into it.",
    query: {},
    statuses: [200],
    stream: 'bytes',
    since: '1.0',
  },
  containerChanges: {
    method: 'GET',
    path: '/containers/{id}/changes',
    summary: 'Lists what differs from the image: modified (0), added (1) and deleted (2) paths.',
    query: {},
    statuses: [200],
    response: list(FilesystemChange),
    stream: 'none',
    since: '1.0',
  },
} as const satisfies Record<string, Route>;
