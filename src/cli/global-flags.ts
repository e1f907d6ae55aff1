import { flag } from './flag.ts';
import { bool, list, text } from './flag-types.ts';

/** Before the command: which daemon, and how to talk to it. */
export const globalFlags = {
  config: flag(text(), '', 'Folder of the client\'s configuration (default "~/.docker")'),
  context: flag(text(), 'c', 'Name of the context whose daemon is used (over DOCKER_HOST)'),
  debug: flag(bool(), 'D', 'Turn debug messages on'),
  host: flag(list(), 'H', 'Socket of the daemon'),
  'log-level': flag(
    text('info'),
    'l',
    'Least level of messages shown ("debug", "info", "warn", "error", "fatal")',
  ),
  tls: flag(bool(), '', 'Talk TLS; --tlsverify implies it'),
  tlscacert: flag(text(), '', 'Certificates that may sign the daemon\'s (default "~/.docker/ca.pem")'),
  tlscert: flag(text(), '', 'TLS certificate of the client (default "~/.docker/cert.pem")'),
  tlskey: flag(text(), '', 'TLS key of the client (default "~/.docker/key.pem")'),
  tlsverify: flag(bool(), '', "Talk TLS, and check the daemon's certificate"),
  version: flag(bool(), 'v', 'Print the version and leave'),
  help: flag(bool(), 'h', 'Print usage', { hidden: true, shortDeprecated: true }),
} as const;
