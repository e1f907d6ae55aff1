/** Where containers in user-defined networks find their DNS server: Docker's address, of IPv4, which loopback has in every network. */
export const DNS_ADDRESS = '127.0.0.11';
