/**
 * What can be said to the daemon, as data: each setting is a flag of `sampan daemon` and a key of daemon.json, with dockerd's names. The
 * help page, the flag parser and the file reader are three readings of this table.
 */
export interface Setting {
  /** Long flag without dashes. */
  readonly flag: string;
  readonly shorthand?: string;
  /** Key in daemon.json where it differs from the flag; lists have plurals there. */
  readonly key?: string;
  readonly type: 'string' | 'bool' | 'int' | 'list' | 'map' | 'bytes' | 'ulimits' | 'pools' | 'options';
  /** As text, as the help page shows it. */
  readonly default?: string;
  /** May change on SIGHUP. */
  readonly live?: boolean;
  readonly description: string;
}

export const settings = {
  allowDirectRouting: {
    flag: 'allow-direct-routing',
    type: 'bool',
    description: 'Not to be given: networks have gateway modes for that',
  },
  bip: { flag: 'bip', type: 'string', description: 'IPv4 address for the default bridge' },
  bip6: { flag: 'bip6', type: 'string', description: 'IPv6 address for the default bridge' },
  bridge: {
    flag: 'bridge',
    shorthand: 'b',
    type: 'string',
    default: 'sampan0',
    description: 'Name of the default bridge, made if missing',
  },
  cgroupParent: {
    flag: 'cgroup-parent',
    type: 'string',
    default: '/sampan',
    description: 'Set parent cgroup for all containers',
  },
  configFile: {
    flag: 'config-file',
    type: 'string',
    default: '/etc/sampan/daemon.json',
    description: 'Daemon configuration file',
  },
  dataRoot: {
    flag: 'data-root',
    type: 'string',
    default: '/var/lib/sampan',
    description: 'Root directory of persistent state',
  },
  debug: { flag: 'debug', shorthand: 'D', type: 'bool', live: true, description: 'Enable debug mode' },
  defaultAddressPools: {
    flag: 'default-address-pool',
    key: 'default-address-pools',
    type: 'pools',
    description: 'Address pools that subnets of networks are taken from ("base=10.10.0.0/16,size=24")',
  },
  defaultCgroupnsMode: {
    flag: 'default-cgroupns-mode',
    type: 'string',
    description: 'Default mode for containers cgroup namespace ("host" | "private")',
  },
  defaultGateway: {
    flag: 'default-gateway',
    type: 'string',
    description: 'Gateway of containers on the default bridge, if that is not the bridge itself',
  },
  defaultGateway6: {
    flag: 'default-gateway-v6',
    type: 'string',
    description: 'The same for IPv6',
  },
  defaultIpcMode: {
    flag: 'default-ipc-mode',
    type: 'string',
    default: 'private',
    description: 'Default mode for containers ipc ("shareable" | "private")',
  },
  defaultNetworkOptions: {
    flag: 'default-network-opt',
    key: 'default-network-opts',
    type: 'options',
    description: 'Options of new networks that do not say otherwise ("driver=option=value")',
  },
  defaultShmSize: {
    flag: 'default-shm-size',
    type: 'bytes',
    default: '64MiB',
    description: 'Default shm size for containers',
  },
  defaultUlimits: {
    flag: 'default-ulimit',
    key: 'default-ulimits',
    type: 'ulimits',
    description: 'Default ulimits for containers',
  },
  dns: { flag: 'dns', type: 'list', description: 'DNS server to use' },
  dnsOptions: { flag: 'dns-opt', key: 'dns-opts', type: 'list', description: 'DNS options to use' },
  dnsSearch: { flag: 'dns-search', type: 'list', description: 'DNS search domains to use' },
  execRoot: {
    flag: 'exec-root',
    type: 'string',
    default: '/run/sampan',
    description: 'Root directory for execution state files',
  },
  firewallBackend: {
    flag: 'firewall-backend',
    type: 'string',
    default: 'nftables',
    description: 'What firewall rules are made with: nftables, always',
  },
  fixedCidr: {
    flag: 'fixed-cidr',
    type: 'string',
    description: 'IPv4 range of the default bridge that containers get their addresses from',
  },
  fixedCidr6: {
    flag: 'fixed-cidr-v6',
    type: 'string',
    description: 'IPv6 subnet of the default bridge',
  },
  group: {
    flag: 'group',
    shorthand: 'G',
    type: 'string',
    default: 'sampan',
    description: 'Group for the unix socket',
  },
  httpProxy: {
    flag: 'http-proxy',
    key: 'proxies.http-proxy',
    type: 'string',
    description: 'HTTP proxy URL to use for outgoing traffic',
  },
  httpsProxy: {
    flag: 'https-proxy',
    key: 'proxies.https-proxy',
    type: 'string',
    description: 'HTTPS proxy URL to use for outgoing traffic',
  },
  hubSearchUrl: {
    flag: 'hub-search-url',
    type: 'string',
    live: true,
    description: 'Where to search for images of Docker Hub, instead of Docker Hub itself',
  },
  hosts: {
    flag: 'host',
    shorthand: 'H',
    key: 'hosts',
    type: 'list',
    description: 'Daemon socket(s) to connect to',
  },
  hostFirewall: {
    flag: 'host-firewall',
    type: 'string',
    default: 'respect',
    description:
      'How published ports and the firewall of this host get on: its input rules decide who reaches them, and what it forwards by default is opened to containers ("respect"), its input rules are passed by as in Docker ("bypass"), or they decide and none of its chains is changed ("hands-off")',
  },
  hostGatewayIp: {
    flag: 'host-gateway-ip',
    type: 'string',
    description:
      "IP address that the special 'host-gateway' string in --add-host resolves to. Defaults to the IP address of the default bridge",
  },
  icc: { flag: 'icc', type: 'bool', default: 'true', description: 'Enable inter-container communication' },
  init: {
    flag: 'init',
    type: 'bool',
    description: 'Run an init in the container to forward signals and reap processes',
  },
  insecureRegistries: {
    flag: 'insecure-registry',
    key: 'insecure-registries',
    type: 'list',
    live: true,
    description: 'Enable insecure registry communication',
  },
  ip: {
    flag: 'ip',
    type: 'string',
    default: '0.0.0.0',
    description: 'Host IP for port publishing from the default bridge network',
  },
  ip6tables: {
    flag: 'ip6tables',
    type: 'bool',
    default: 'true',
    description: 'Make firewall rules for IPv6',
  },
  iptables: {
    flag: 'iptables',
    type: 'bool',
    default: 'true',
    description:
      'Make firewall rules: without them networks are not kept apart, and published ports are relayed',
  },
  ipForward: {
    flag: 'ip-forward',
    type: 'bool',
    default: 'true',
    description: 'Enable IP forwarding in system configuration',
  },
  ipForwardNoDrop: {
    flag: 'ip-forward-no-drop',
    type: 'bool',
    default: 'true',
    description: 'Do not shut the forwarding of everything else, which is never done',
  },
  ipMasquerade: {
    flag: 'ip-masq',
    type: 'bool',
    default: 'true',
    description: 'Enable IP masquerading for the default bridge network',
  },
  ipv6: { flag: 'ipv6', type: 'bool', description: 'Enable IPv6 on the default bridge' },
  labels: {
    flag: 'label',
    key: 'labels',
    type: 'list',
    live: true,
    description: 'Set key=value labels to the daemon',
  },
  liveRestore: {
    flag: 'live-restore',
    type: 'bool',
    default: 'true',
    live: true,
    description: 'Keep containers running while the daemon is stopped',
  },
  logDriver: {
    flag: 'log-driver',
    type: 'string',
    default: 'json-file',
    description: 'Default driver for container logs',
  },
  logLevel: {
    flag: 'log-level',
    shorthand: 'l',
    type: 'string',
    default: 'info',
    description: 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")',
  },
  logOptions: {
    flag: 'log-opt',
    key: 'log-opts',
    type: 'map',
    description: 'Default log driver options for containers',
  },
  maxConcurrentDownloads: {
    flag: 'max-concurrent-downloads',
    type: 'int',
    default: '3',
    live: true,
    description: 'Set the max concurrent downloads',
  },
  maxConcurrentUploads: {
    flag: 'max-concurrent-uploads',
    type: 'int',
    default: '5',
    live: true,
    description: 'Set the max concurrent uploads',
  },
  maxDownloadAttempts: {
    flag: 'max-download-attempts',
    type: 'int',
    default: '5',
    live: true,
    description: 'Set the max download attempts for each pull',
  },
  mtu: {
    flag: 'mtu',
    type: 'int',
    default: '1500',
    description: 'Set the MTU for the default bridge network',
  },
  noNewPrivileges: {
    flag: 'no-new-privileges',
    type: 'bool',
    description: 'Set no-new-privileges by default for new containers',
  },
  noProxy: {
    flag: 'no-proxy',
    key: 'proxies.no-proxy',
    type: 'string',
    description: 'Comma-separated list of hosts or IP addresses for which the proxy is skipped',
  },
  pidfile: {
    flag: 'pidfile',
    shorthand: 'p',
    type: 'string',
    default: '/run/sampan.pid',
    description: 'Path to use for daemon PID file',
  },
  registryCertificates: {
    flag: 'registry-certs-dir',
    key: 'registry-certs-dirs',
    type: 'list',
    live: true,
    description:
      'Directory with certificates for registries, one folder for each host (default /etc/docker/certs.d and /etc/sampan/certs.d)',
  },
  registryMirrors: {
    flag: 'registry-mirror',
    key: 'registry-mirrors',
    type: 'list',
    live: true,
    description: 'Preferred registry mirror',
  },
  shutdownTimeout: {
    flag: 'shutdown-timeout',
    type: 'int',
    default: '15',
    live: true,
    description: 'Seconds that containers get to stop, without --live-restore',
  },
  storageDriver: {
    flag: 'storage-driver',
    shorthand: 's',
    type: 'string',
    description: 'Storage driver to use ("erofs" | "overlay"); the best that the kernel has by default',
  },
  tls: { flag: 'tls', type: 'bool', description: 'Use TLS; implied by --tlsverify' },
  tlsCaCertificate: {
    flag: 'tlscacert',
    type: 'string',
    default: '~/.docker/ca.pem',
    description: 'Trust certs signed only by this CA',
  },
  tlsCertificate: {
    flag: 'tlscert',
    type: 'string',
    default: '~/.docker/cert.pem',
    description: 'Path to TLS certificate file',
  },
  tlsKey: {
    flag: 'tlskey',
    type: 'string',
    default: '~/.docker/key.pem',
    description: 'Path to TLS key file',
  },
  tlsVerify: { flag: 'tlsverify', type: 'bool', description: 'Use TLS and verify the remote' },
  userlandProxy: {
    flag: 'userland-proxy',
    type: 'bool',
    default: 'true',
    description: 'Relay published ports in user space for loopback and IPv6 traffic',
  },
  userlandProxyPath: {
    flag: 'userland-proxy-path',
    type: 'string',
    description: 'Not to be given: the relay is part of Sampan',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
