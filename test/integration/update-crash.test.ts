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
});
