/* The device controller of cgroup v2: a BPF program attached to the group. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "plan.h"

enum { INSTRUCTIONS_MAX = 65536, ATTACHED_MAX = 64, LOG_SIZE = 4096 };

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static uint64_t address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

/* The verifier's words are asked for only after a refusal: they cost time. */
static int load(struct bytes program, const char *path, struct failure *failure)
{
	char log[LOG_SIZE] = "";
	union bpf_attr attributes = {
	        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
	        .insn_cnt = (uint32_t)(program.size / sizeof(struct bpf_insn)),
	        .insns = address(program.data),
	        .license = address("Apache-2.0"),
	};
	int fd = bpf(BPF_PROG_LOAD, &attributes);
	if (fd >= 0) return fd;
	int reason = errno;
	attributes.log_level = 1;
	attributes.log_size = sizeof log;
	attributes.log_buf = address(log);
	autoclose retried = bpf(BPF_PROG_LOAD, &attributes);
	return fail(failure, reason, path, "%.512s", log);
}

/* An earlier program of the group, to be replaced in one step; -1 where there is not exactly one. */
static int attached_program(int group)
{
	uint32_t ids[ATTACHED_MAX];
	union bpf_attr query = {
	        .query =
	                {
	                        .target_fd = (uint32_t)group,
	                        .attach_type = BPF_CGROUP_DEVICE,
	                        .prog_ids = address(ids),
	                        .prog_cnt = ATTACHED_MAX,
	                },
	};
	if (bpf(BPF_PROG_QUERY, &query) != 0 || query.query.prog_cnt != 1) return -1;
	union bpf_attr by_id = {.prog_id = ids[0]};
	return bpf(BPF_PROG_GET_FD_BY_ID, &by_id);
}

int op_device_program(struct run *run, const struct device_program_step *args, struct failure *failure)
{
	(void)run;
	const char *path = args->path.data;
	size_t count = args->program.size / sizeof(struct bpf_insn);
	if (args->program.size % sizeof(struct bpf_insn) != 0 || count == 0 || count > INSTRUCTIONS_MAX) {
		return fail(failure, EINVAL, path, "a program of %zu bytes", args->program.size);
	}
	autoclose group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0) return fail(failure, errno, path, NULL);
	autoclose program = load(args->program, path, failure);
	if (program < 0) return -1;
	autoclose earlier = attached_program(group);
	union bpf_attr attributes = {
	        .target_fd = (uint32_t)group,
	        .attach_bpf_fd = (uint32_t)program,
	        .attach_type = BPF_CGROUP_DEVICE,
	        .attach_flags = BPF_F_ALLOW_MULTI,
	};
	if (earlier >= 0) {
		attributes.attach_flags |= BPF_F_REPLACE;
		attributes.replace_bpf_fd = (uint32_t)earlier;
	}
	return bpf(BPF_PROG_ATTACH, &attributes) == 0 ? 0 : fail(failure, errno, path, "attaching");
}
