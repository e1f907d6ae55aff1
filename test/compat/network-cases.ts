/** Command lines about networks that are made, changed and removed; see `cli-cases.ts`. */
export const networkLines = `
  network create
  network create a b
  network create net1
  network create -d macvlan -o parent=eth0 -o macvlan_mode=bridge net1
  network create --subnet 10.5.0.0/16 --gateway 10.5.0.1 --ip-range 10.5.1.0/24 net1
  network create --subnet 10.5.0.0/16 --aux-address a=10.5.0.2 net1
  network create --subnet 10.5.0.0/16 --subnet 10.5.1.0/24 net1
  network create --subnet bogus --subnet 10.5.1.0/24 net1
  network create --gateway 10.5.0.1 net1
  network create --ip-range 10.5.0.0/24 net1
  network create --subnet 10.5.0.0/16 --gateway 10.6.0.1 net1
  network create --subnet 10.5.0.0/16 --ip-range 10.6.0.0/24 net1
  network create --subnet 10.5.0.0/16 --aux-address a=10.6.0.2 net1
  network create --subnet fd00:5::/64 --gateway fd00:5::1 --ipv6 --ipv4=false net1
  network create --ipv6=false net1
  network create --internal --attachable --scope local --label a=b --label c net1
  network create --label "a b" net1
  network create --ipam-driver other --ipam-opt a=b net1
  network create --config-only --label x net1
  network create --config-from base net1
  network create --ingress net1
  network create --ipv4=x net1
  network connect
  network connect net1
  network connect net1 web
  network connect --alias a,b --alias c --ip 10.5.0.5 --ip6 fd00::5 --link db:database --link-local-ip 169.254.3.3 net1 web
  network connect --driver-opt a=b --gw-priority 5 net1 web
  network connect --driver-opt a net1 web
  network connect --gw-priority x net1 web
  network connect --link a:b:c net1 web
  network connect nosuch web
  network disconnect net1
  network disconnect net1 web
  network disconnect -f net1 web
  network disconnect nosuch web
  network rm
  network rm net1
  network rm net1 nosuch net2
  network rm -f nosuch
  network rm -f nosuch net1
  network remove net1
  network prune -f
  network prune -f --filter until=24h --filter label=x
  network prune -f --filter nothing=1
  network prune x
`;

export const networkHelpPages: readonly string[] = [
  'network create',
  'network connect',
  'network disconnect',
  'network prune',
  'network rm',
];
