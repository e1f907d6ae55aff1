import { ImageDescriptor } from './image-types.ts';
import { Platform } from './platform.ts';
import { boolean, int64, list, optional, string, struct, type TypeOf } from './schema.ts';

/** What a user shows to a registry: the body of `POST /auth`, and base64url in `X-Registry-Auth`. `auth` is base64 of "user:password". */
export const AuthConfig = struct('AuthConfig', {
  username: optional(string),
  password: optional(string),
  auth: optional(string),
  email: optional(string),
  serveraddress: optional(string),
  identitytoken: optional(string),
  registrytoken: optional(string),
});
export type AuthConfig = TypeOf<typeof AuthConfig>;

export const AuthResponse = struct('AuthenticateOKBody', { IdentityToken: string, Status: string });
export type AuthResponse = TypeOf<typeof AuthResponse>;

/** `GET /distribution/{name}/json`. */
export const DistributionInspect = struct('DistributionInspect', {
  Descriptor: ImageDescriptor,
  Platforms: list(Platform),
});
export type DistributionInspect = TypeOf<typeof DistributionInspect>;

/** An item of `GET /images/search`. */
export const SearchResult = struct('SearchResult', {
  star_count: int64,
  is_official: boolean,
  name: string,
  is_automated: boolean,
  description: string,
});
export type SearchResult = TypeOf<typeof SearchResult>;
