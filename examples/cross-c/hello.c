#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A web server of one page: {"status":"ok"} on /health, the machine on everything else. */

static int listen_on(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int one = 1, server = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 16) != 0) {
    perror("hello");
    exit(1);
  }
  return server;
}

static void answer(int client) {
  char request[1024] = "", body[256], reply[512];
  ssize_t size = read(client, request, sizeof request - 1);
  struct utsname machine;
  uname(&machine);
  if (size > 0 && strncmp(request, "GET /health ", 12) == 0)
    snprintf(body, sizeof body, "{\"status\":\"ok\"}\n");
  else
    snprintf(body, sizeof body, "{\"machine\":\"%s\"}\n", machine.machine);
  int length = snprintf(reply, sizeof reply,
                        "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
  if (write(client, reply, length) != length) perror("hello");
  close(client);
}

/* For HEALTHCHECK: the image has no other program. */
static int check(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char reply[512] = "";
  int server = socket(AF_INET, SOCK_STREAM, 0);
  const char *request = "GET /health HTTP/1.0\r\n\r\n";
  if (connect(server, (struct sockaddr *)&address, sizeof address) != 0) return 1;
  if (write(server, request, strlen(request)) < 0 || read(server, reply, sizeof reply - 1) <= 0) return 1;
  return strstr(reply, "200 OK") == NULL;
}

int main(int argc, char **argv) {
  const char *text = getenv("PORT");
  int port = text ? atoi(text) : 3000;
  if (argc > 1 && strcmp(argv[1], "--check") == 0) return check(port);
  signal(SIGPIPE, SIG_IGN);
  for (int server = listen_on(port);;) answer(accept(server, NULL, NULL));
}
