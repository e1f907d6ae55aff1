import { expect, test } from 'bun:test';
import { type NamedEndpoint, NameTable } from './names.ts';

function endpoint(endpointId: string, names: readonly string[], address: string): NamedEndpoint {
  const family = address.includes(':') ? 6 : 4;
  return { endpointId, containerId: endpointId, names, addresses: [{ family, address }], links: {} };
}

test('endpoints are found by their names in any case, several of one name in the order they came', () => {
  const table = new NameTable();
  table.set('net', endpoint('1', ['web', 'Front'], '10.0.0.2'));
  table.set('net', endpoint('2', ['api', 'front'], 'fd00::3'));
  table.set('other', endpoint('3', ['web'], '10.1.0.2'));
  expect(table.lookUp('net', 'FRONT').map(({ address }) => address)).toEqual(['10.0.0.2', 'fd00::3']);
  expect(table.lookUp('net', 'web')).toEqual([{ family: 4, address: '10.0.0.2' }]);
  expect(table.lookUp('net', 'absent')).toEqual([]);
  expect(table.reverse('net', 'fd00::3')).toEqual(['api', 'front']);
  expect(table.reverse('other', '10.0.0.2')).toEqual([]);
});

test('listeners hear of each change, and of nothing that changed nothing', () => {
  const table = new NameTable();
  const heard: string[] = [];
  const end = table.onChange((network) => heard.push(network));
  table.set('a', endpoint('1', ['x'], '10.0.0.2'));
  table.set('a', endpoint('1', ['y'], '10.0.0.2'));
  table.delete('a', '2');
  table.delete('b', '1');
  table.delete('a', '1');
  end();
  table.set('a', endpoint('1', ['x'], '10.0.0.2'));
  expect(heard).toEqual(['a', 'a', 'a']);
  expect(table.lookUp('a', 'y')).toEqual([]);
});
