/* The times of directories, which whatever is made in them changes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "path.h"
#include "tree-writing.h"

/* Memory for the paths of all directories of one write. */
enum { DATED_BYTES = 256 << 20 };

static int make_room(struct writing *writing)
{
	if (writing->directory_count < writing->directory_capacity) return 0;
	size_t capacity = writing->directory_capacity == 0 ? 64 : 2 * writing->directory_capacity;
	struct dated *moved = realloc(writing->directories, capacity * sizeof *moved);
	if (!moved) return -1;
	writing->directories = moved;
	writing->directory_capacity = capacity;
	return 0;
}

int remember_directory(struct writing *writing, int fd, const struct record *header, const char *path)
{
	struct statx status;
	writing->directory_bytes += sizeof(struct dated) + strlen(path) + 1;
	if (writing->directory_bytes > DATED_BYTES) {
		errno = EOVERFLOW;
		return -1;
	}
	if (status_of(fd, &status) != 0 || make_room(writing) != 0) return -1;
	char *copy = strdup(path);
	if (!copy) return -1;
	writing->directories[writing->directory_count++] = (struct dated){
	        .path = copy,
	        .time = {.tv_sec = header->seconds, .tv_nsec = header->nanoseconds},
	        .ino = status.stx_ino,
	        .mount = status.stx_mnt_id,
	};
	return 0;
}

/* In the order in which they came, so that the last word on a directory counts. */
void date_directories(struct writing *writing)
{
	for (size_t i = 0; i < writing->directory_count; i++) {
		struct dated *dated = &writing->directories[i];
		struct timespec times[2] = {dated->time, dated->time};
		struct statx status;
		autoclose fd = open_inside(writing->tree->root, dated->path, O_PATH | O_DIRECTORY, 0, 0);
		/* Somebody may have put another directory there. */
		if (fd >= 0 && status_of(fd, &status) == 0 && status.stx_ino == dated->ino &&
		        status.stx_mnt_id == dated->mount)
			utimensat(fd, "", times, AT_EMPTY_PATH);
		free(dated->path);
	}
	free(writing->directories);
}
