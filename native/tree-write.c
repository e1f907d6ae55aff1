/* Writing into a tree: members come as records until the client says that there are no more. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "tree-writing.h"

/* Returns 0, or -1 with the failure filled. */
static int write_parts(struct writing *writing, struct span parts)
{
	while (parts.size > 0) {
		struct record record;
		if (record_decode(&record, &parts) != 0)
			return fail(writing->failure, EPROTO, "", "a record that breaks the rules");
		int result = record.kind == RECORD_DATA ? incoming_data(writing, record.name)
		                                        : write_member(writing, &record);
		if (result != 0) return -1;
	}
	return 0;
}

static int end_parts(struct writing *writing)
{
	if (writing->file.fd < 0) return 0;
	return fail(writing->failure, EINVAL, writing->file.path, "less data than its header says");
}

/* Returns 0 at the end of the parts, -1 with the failure filled, or with `gone`. */
static int receive_parts(struct writing *writing)
{
	struct tree *tree = writing->tree;
	for (;;) {
		uint8_t type;
		struct span payload;
		if (inbox_receive(&tree->inbox, &type, &payload) <= 0) break;
		if (type == FRAME_TREE_END) return end_parts(writing);
		if (type == FRAME_TREE_CANCEL) return 0;
		if (type != FRAME_TREE_PARTS) break;
		if (write_parts(writing, payload) != 0) return -1;
	}
	tree->outbox.gone = true;
	return -1;
}

static int begin(struct writing *writing, struct span path)
{
	struct found found;
	if (tree_find(writing->tree->root, path, true, &found, writing->failure) != 0) return -1;
	close_fd(&found.fd);
	if (!S_ISDIR(found.status.stx_mode)) return fail(writing->failure, ENOTDIR, found.path, NULL);
	memcpy(writing->base, found.path, sizeof found.path);
	return 0;
}

/* What was written stays, whatever became of the rest. */
static void end(struct writing *writing)
{
	date_directories(writing);
	close_fd(&writing->parent);
	close_fd(&writing->file.fd);
	free(writing->file.xattrs);
}

int tree_write(struct tree *tree, const struct request *request, struct failure *failure)
{
	struct writing writing = {
	        .tree = tree,
	        .keep_kinds = request->flags & WRITE_KEEP_KINDS,
	        .parent = -1,
	        .file.fd = -1,
	        .failure = failure,
	};
	if (begin(&writing, request->path) != 0) return -1;
	int result = receive_parts(&writing);
	end(&writing);
	if (tree->outbox.gone) return 0;
	if (result == 0 && frame_send(tree->outbox.fd, FRAME_TREE_END, NULL, 0, NULL, 0) != 0)
		tree->outbox.gone = true;
	return result;
}
