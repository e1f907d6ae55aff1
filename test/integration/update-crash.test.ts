import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { ask, askUntilAnswered, NeighbouredDaemon } from '../fixtures/neighboured-daemon.ts';
import type { Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** Changes of living containers that their daemon does not live to finish. */

const TWO_SERVERS = 'nc -ll -p 80 -e cat & nc -ll -p 81 -e echo second';

let hosts: NeighbouredDaemon;
let daemon: TestDaemon;

beforeAll(async () => {
  hosts = await NeighbouredDaemon.start();
  daemon = hosts.daemon;
});
afterAll(() => hosts[Symbol.asyncDispose]());

/** The supervisor of a container: the parent of its first process. */
function supervisorOf(id: string): number {
  const status = readFileSync(`/proc/${hosts.inspect(id).State.Pid}/status`, 'utf8');
  return Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]);
}

describe('a daemon killed in the middle', () => {
  test('of a change of ports leaves what was before', async () => {
    using web = hosts.run(TWO_SERVERS, '-p', '18380:80');
    await askUntilAnswered(18380);
    const before = hosts.inspect(web.id);
    const supervisor = supervisorOf(web.id);
    process.kill(supervisor, 'SIGSTOP');
    const body = {
      Changes: { PublishAdd: { '81/tcp': [{ HostPort: '18381' }] }, PublishRemove: { '80/tcp': [] } },
    };
    const cut = daemon.request('POST', `/containers/${web.id}/update`, body).catch(() => undefined);
    // The supervisor has been told when this daemon waits for it.
    await Bun.sleep(300);
    await daemon.stopProcess('SIGKILL');
    await cut;
    process.kill(supervisor, 'SIGCONT');
    await daemon.startProcess();
    expect(hosts.inspect(web.id)).toEqual(before);
    expect([await askUntilAnswered(18380), hosts.askFromOutside(18380), await ask(18381)]).toEqual([
      'hello',
      'hello',
      'ECONNREFUSED',
    ]);
    expect(hosts.firewalled()).toEqual([18380]);
  });

  test('of a connect leaves ports and names where they belong', async () => {
    daemon.sampan('network', 'create', 'met');
    {
      using peer = hosts.run('sleep 100', '--network', 'met', '--name', 'peer');
      using web = hosts.run(TWO_SERVERS, '-p', '18390:80');
      await askUntilAnswered(18390);
      const supervisor = supervisorOf(web.id);
      process.kill(supervisor, 'SIGSTOP');
      const body = { Container: web.id, EndpointConfig: { GwPriority: 1 } };
      const cut = daemon.request('POST', '/networks/met/connect', body).catch(() => undefined);
      await Bun.sleep(300);
      await daemon.stopProcess('SIGKILL');
      await cut;
      process.kill(supervisor, 'SIGCONT');
      await daemon.startProcess();
      const { Networks } = hosts.inspect(web.id).NetworkSettings;
      expect(Object.keys(Networks).sort()).toEqual(['bridge', 'met']);
      expect([await askUntilAnswered(18390), hosts.askFromOutside(18390)]).toEqual(['hello', 'hello']);
      expect(daemon.sampan('exec', web.id, 'ip', 'route')).toContain(`default via ${Networks.met.Gateway}`);
      expect(daemon.sampan('exec', web.id, 'nslookup', 'peer')).toContain(
        hosts.inspect(peer.id).NetworkSettings.Networks.met.IPAddress,
      );
    }
    daemon.sampan('network', 'rm', 'met');
  });

  test('again and again leaves row, relay and firewall of one mind', async () => {
    using web = hosts.run(TWO_SERVERS, '-p', '18400:80');
    await askUntilAnswered(18400);
    for (let round = 0; round < 12; round++) {
      const [add, remove] = round % 2 === 0 ? [18401, 18400] : [18400, 18401];
      const binding = (port: number) => ({ '80/tcp': [{ HostPort: String(port) }] });
      const body = { Changes: { PublishAdd: binding(add), PublishRemove: binding(remove) } };
      const cut = daemon.request('POST', `/containers/${web.id}/update`, body).catch(() => undefined);
      await Bun.sleep(Math.random() * 12);
      await daemon.stopProcess('SIGKILL');
      await cut;
      await daemon.startProcess();
      const [[, bindings]] = Object.entries<Json>(hosts.inspect(web.id).HostConfig.PortBindings) as [
        [string, Json],
      ];
      const ports = bindings.map(({ HostPort }: Json) => Number(HostPort));
      expect([[18400], [18401]]).toContainEqual(ports);
      expect(hosts.portsOf(web.id)).toEqual([`80/tcp 0.0.0.0 ${ports[0]}`, `80/tcp :: ${ports[0]}`]);
      expect(hosts.firewalled()).toEqual(ports);
      for (const port of [18400, 18401]) {
        const wanted = ports.includes(port) ? 'hello' : 'ECONNREFUSED';
        expect(await ask(port)).toBe(wanted);
        expect(hosts.askFromOutside(port)).toBe(wanted === 'hello' ? 'hello' : '');
      }
      if (ports[0] === add) continue;
      daemon.sampan('update', '--publish-add', `${add}:80`, '--publish-rm', `${remove}:80`, web.id);
    }
  }, 120_000);

  test('of changes of networks, again and again, leaves interfaces, routes, names and ports as inspect has them', async () => {
    for (const name of ['one', 'two']) daemon.sampan('network', 'create', name);
    {
      using _one = hosts.run('sleep 1000', '--network', 'one', '--name', 'in-one');
      using _two = hosts.run('sleep 1000', '--network', 'two', '--name', 'in-two');
      using web = hosts.run(TWO_SERVERS, '-p', '18410:80');
      await askUntilAnswered(18410);
      for (let round = 0; round < 12; round++) {
        const name = ['one', 'two', 'bridge'][round % 3] ?? '';
        const verb = connected(web.id).includes(name) ? 'disconnect' : 'connect';
        const body = {
          Container: web.id,
          ...(verb === 'connect' ? { EndpointConfig: { GwPriority: round } } : {}),
        };
        const cut = daemon.request('POST', `/networks/${name}/${verb}`, body).catch(() => undefined);
        await Bun.sleep(Math.random() * 25);
        await daemon.stopProcess('SIGKILL');
        await cut;
        await daemon.startProcess();
        await expectAsInspected(web.id);
      }
    }
    daemon.sampan('network', 'rm', 'one', 'two');
  }, 120_000);
});

function connected(id: string): string[] {
  return Object.keys(hosts.inspect(id).NetworkSettings.Networks);
}

async function expectAsInspected(id: string): Promise<void> {
  const { Networks } = hosts.inspect(id).NetworkSettings;
  const addresses = Object.values<Json>(Networks).map(({ IPAddress }) => IPAddress);
  const inside = daemon.sampan('exec', id, 'ip', '-4', '-o', 'addr');
  const own = [...inside.matchAll(/eth\d+ +inet ([\d.]+)/g)].map(([, address]) => address);
  expect(own.sort()).toEqual(addresses.sort());
  const routes = daemon.sampan('exec', id, 'ip', 'route').split('\n');
  const gateways = routes.flatMap((line) => /^default via (\S+)/.exec(line)?.[1] ?? []);
  const possible = Object.values<Json>(Networks).map(({ Gateway }) => Gateway);
  expect(gateways).toHaveLength(Math.min(1, possible.length));
  for (const gateway of gateways) expect(possible).toContain(gateway);
  for (const name of ['one', 'two'].filter((network) => Networks[network] !== undefined)) {
    expect(daemon.run('sampan', ['exec', id, 'nslookup', `in-${name}`]).status).toBe(0);
  }
  const answer = possible.length === 0 ? 'ECONNREFUSED' : 'hello';
  expect(await ask(18410)).toBe(answer);
  expect(hosts.askFromOutside(18410)).toBe(answer === 'hello' ? 'hello' : '');
}
