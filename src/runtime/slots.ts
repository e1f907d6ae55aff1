/** Descriptor slots of a container's plan that are the runtime's; those below, 60 and 61 are for the other parts of the plan. */
export const NAMESPACE_SLOTS = 50;
export const ROOT_SLOT = 58;
export const CGROUP_SLOT = 59;
export const SOURCE_SLOT = 62;
