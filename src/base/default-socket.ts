/** Where the daemon listens, and clients look for it, unless told otherwise. */
export const DEFAULT_SOCKET = '/run/sampan/sampan.sock';
