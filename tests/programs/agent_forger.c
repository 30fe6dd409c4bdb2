/* agent_forger SOCKET: claims on the agent's socket to be a runtime, and hands over a descriptor of its own. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char text[] = "{\"fds\":[\"seccompFd\"],\"pid\":1,\"metadata\":\"\","
                           "\"state\":{\"id\":\"forged\",\"status\":\"creating\",\"pid\":1,\"bundle\":\"/\"}}";

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 2)
        return 2;
    strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    int peer = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("connect");
        return 1;
    }
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {0};
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &peer, sizeof(int));
    if (sendmsg(peer, &message, MSG_NOSIGNAL) < 0)
        perror("sendmsg");
    char answer[64];
    ssize_t got = read(peer, answer, sizeof answer);
    puts(got > 0 ? "answered" : "closed without an answer");
    return 0;
}
