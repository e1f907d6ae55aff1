import { describe, expect, test } from 'bun:test';
import { livePart, resolveConfiguration } from './configuration.ts';

const none = new Map<string, readonly string[]>();
const file = (text: string) => ({ path: '/etc/x.json', text });

describe('resolveConfiguration', () => {
  test('has a value for everything when nothing is given', () => {
    const configuration = resolveConfiguration(none, undefined);
    expect(configuration.dataRoot).toBe('/var/lib/sampan');
    expect(configuration.defaultShmSize).toBe(64 << 20);
    expect(configuration.icc).toBe(true);
    expect(configuration.hosts).toEqual([]);
    expect(configuration.tlsKey).toEndWith('/.docker/key.pem');
  });

  test('takes flags and the file, each with its own types', () => {
    const flags = new Map([
      ['host', ['unix:///a', 'tcp://b']],
      ['default-ulimit', ['nofile=10:20', 'core=-1']],
      ['icc', ['false']],
    ]);
    const configuration = resolveConfiguration(
      flags,
      file(
        '{"labels":["a=b"],"log-opts":{"max-size":"1m"},"default-shm-size":"1g","mtu":1400,"default-address-pools":[{"base":"10.10.0.0/16","size":24}]}',
      ),
    );
    expect(configuration.defaultAddressPools).toEqual(['base=10.10.0.0/16,size=24']);
    expect(configuration.hosts).toEqual(['unix:///a', 'tcp://b']);
    expect(configuration.defaultUlimits).toEqual([
      { Name: 'nofile', Soft: 10, Hard: 20 },
      { Name: 'core', Soft: -1, Hard: -1 },
    ]);
    expect(configuration.icc).toBe(false);
    expect(configuration.labels).toEqual(['a=b']);
    expect(configuration.logOptions).toEqual({ 'max-size': '1m' });
    expect(configuration.defaultShmSize).toBe(1 << 30);
    expect(configuration.mtu).toBe(1400);
  });

  test('takes options of new networks by driver', () => {
    const written = resolveConfiguration(
      none,
      file('{"default-network-opts":{"bridge":{"a.b":"1=2","c":"3"},"macvlan":{"d":""}}}'),
    );
    expect(written.defaultNetworkOptions).toEqual(['bridge=a.b=1=2', 'bridge=c=3', 'macvlan=d=']);
    const typed = (text: string) =>
      resolveConfiguration(new Map([['default-network-opt', [text]]]), undefined);
    expect(typed('bridge=a=b').defaultNetworkOptions).toEqual(['bridge=a=b']);
    expect(() => typed('a=b')).toThrow('expected driver=option=value');
  });

  test('takes proxies from their group, or from flags', () => {
    const flags = new Map([['no-proxy', ['a,b']]]);
    const configuration = resolveConfiguration(
      flags,
      file('{"proxies":{"http-proxy":"http://p:1","https-proxy":"http://q:2"}}'),
    );
    const { httpProxy, httpsProxy, noProxy } = configuration;
    expect([httpProxy, httpsProxy, noProxy]).toEqual(['http://p:1', 'http://q:2', 'a,b']);
  });

  test.each([
    ['{"proxies":{"ftp-proxy":"x"}}', 'any configuration option: proxies.ftp-proxy'],
    ['{"proxies":["x"]}', 'any configuration option: proxies'],
    ['{"max-concurrent-downloads":0}', 'invalid max concurrent downloads: 0'],
    ['{"max-concurrent-uploads":-1}', 'invalid max concurrent uploads: -1'],
    ['{"max-download-attempts":0}', 'invalid max download attempts: 0'],
    ['{"registry-mirrors":["mirror"]}', 'invalid mirror: "mirror"'],
    ['{"registry-mirrors":["https://mirror/path"]}', 'invalid mirror: "https://mirror/path"'],
    ['{"registry-mirrors":["https://a:b@mirror"]}', 'invalid mirror: "https://a:b@mirror"'],
    ['{"insecure-registries":["http://x"]}', "insecure registry http://x should not contain '://'"],
    ['{"hub-search-url":"x"}', 'invalid hub-search-url: "x"'],
    ['{"nope":1}', "the following directives don't match any configuration option: nope"],
    ['{"debug":"yes"}', 'debug: "yes" is not a bool'],
    ['{', 'unable to configure the daemon with file /etc/x.json'],
    ['[]', 'not a JSON object'],
    ['{"labels":["x"]}', 'bad attribute format: x'],
    ['{"log-level":"loud"}', 'invalid logging level: loud'],
    ['{"storage-driver":"zfs"}', 'unknown storage driver "zfs"'],
    ['{"bridge":"a/b"}', 'invalid bridge name "a/b"'],
    ['{"bridge":"none"}', 'bridge "none" is not supported'],
    ['{"host-firewall":"ignore"}', 'invalid host-firewall: "ignore"'],
    ['{"firewall-backend":"iptables"}', 'firewall-backend "iptables" is not supported'],
    ['{"userland-proxy-path":"/x"}', 'userland-proxy-path is not supported'],
    ['{"allow-direct-routing":true}', 'allow-direct-routing is not supported'],
    ['{"default-network-opts":{"bridge":["mtu"]}}', 'default-network-opts'],
    ['{"default-network-opts":{"bridge":{"mtu":1}}}', 'default-network-opts'],
  ])('refuses %s', (text, message) => {
    expect(() => resolveConfiguration(none, file(text))).toThrow(message);
  });

  test('refuses what is given in both places', () => {
    const flags = new Map([['label', ['a=b']]]);
    expect(() => resolveConfiguration(flags, file('{"labels":["c=d"]}'))).toThrow(
      'specified both as a flag and in the configuration file: labels: (from flag: ["a=b"], from file: ["c=d"])',
    );
  });
});

test('the part that may change while the daemon runs leaves the rest alone', () => {
  const live = livePart(resolveConfiguration(new Map(), file('{"max-concurrent-downloads":7,"mtu":1400}')));
  expect(live).toMatchObject({ maxConcurrentDownloads: 7, debug: false });
  expect(live).not.toHaveProperty('mtu');
});
