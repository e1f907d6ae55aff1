/** Whether something answers where the networks' DNS server is to be found. The one place to turn it on. */
const DNS_IS_SERVED = false;

/** What the resolver file of a container with these endpoints, on no network of the host's, is made for. */
export function resolverKind(
  endpoints: readonly { readonly names: readonly string[] }[],
): 'internal' | 'legacy' {
  return DNS_IS_SERVED && endpoints.some(({ names }) => names.length > 0) ? 'internal' : 'legacy';
}
