import type { Api } from './api.ts';
import type { Figures } from './figures.ts';
import { time } from './measure.ts';

const RUNS = 20;

/** Networks that somebody made: what they cost themselves, and what being in them costs. */
export async function measureNetworks(api: Api, figures: Figures): Promise<void> {
  figures.set(
    'create+remove of a network',
    await time(RUNS, async () => {
      await api.call('POST', '/networks/create', { Name: 'short' });
      await api.call('DELETE', '/networks/short');
    }),
  );
  await api.call('POST', '/networks/create', { Name: 'own' });
  figures.set('create+start+wait+remove, own network', await time(RUNS, () => api.life('own')));
  const container = await api.running('bridge');
  figures.set(
    'connect+disconnect of a running container',
    await time(RUNS, async () => {
      await api.call('POST', '/networks/own/connect', { Container: container });
      await api.call('POST', '/networks/own/disconnect', { Container: container });
    }),
  );
  await api.remove(container);
  await api.call('DELETE', '/networks/own');
}
