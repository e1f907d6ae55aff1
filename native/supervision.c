/* Operations that say what the supervisor is to do; supervisor.c does it. */
#include <errno.h>

#include "plan.h"

int op_supervise(struct run *run, const struct supervise_step *args, struct failure *failure)
{
	(void)failure;
	run->supervise =
	        (struct supervise_options){.socket = args->socket.data, .state_file = args->state_file.data};
	return 0;
}

int op_streams(struct run *run, const struct streams_step *args, struct failure *failure)
{
	(void)failure;
	run->streams = (struct stream_options){
	        .wanted = true,
	        .terminal = args->terminal != 0,
	        .stdin_open = args->stdin != 0,
	        .stdin_once = args->stdin_once != 0,
	};
	return 0;
}

int op_log_file(struct run *run, const struct log_file_step *args, struct failure *failure)
{
	if (args->max_size < 0 || args->max_files < 0 || args->max_files > UINT16_MAX) {
		return fail(failure, EINVAL, args->path.data, "rotation of %lld bytes, %lld files",
		        (long long)args->max_size, (long long)args->max_files);
	}
	run->log = (struct log_options){
	        .path = args->path.data,
	        .max_size = (uint64_t)args->max_size,
	        .max_files = (uint32_t)args->max_files,
	        .attributes = args->attributes.data,
	        .compress = args->compress != 0,
	};
	return 0;
}
