#include "servers/http.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

namespace reeve::tests {

namespace {

// A connected socket that gives up after `time` of silence; -1: no connection.
int open_connection(std::uint16_t port, std::chrono::milliseconds time) {
    const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0) return -1;
    struct timeval patience {};
    patience.tv_sec = time.count() / 1000;
    patience.tv_usec = time.count() % 1000 * 1000;
    struct sockaddr_in address {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        return connection;
    }
    ::close(connection);
    return -1;
}

bool send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// Everything until the server closes; nothing if it did not.
std::optional<std::string> receive_all(int connection, std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    std::string all;
    char part[4096];
    while (std::chrono::steady_clock::now() < until) {
        const ssize_t got = ::recv(connection, part, sizeof part, 0);
        if (got == 0) return all;
        if (got < 0) return std::nullopt;
        all.append(part, static_cast<std::size_t>(got));
    }
    return std::nullopt;
}

std::optional<http_reply> parse(const std::string& text) {
    const auto space = text.find(' ');
    const auto body = text.find("\r\n\r\n");
    if (!text.starts_with("HTTP/") || space == std::string::npos || body == std::string::npos) {
        return std::nullopt;
    }
    http_reply reply;
    const char* begin = text.data() + space + 1;
    std::from_chars(begin, text.data() + text.size(), reply.status);
    reply.body = text.substr(body + 4);
    return reply;
}

}  // namespace

std::optional<http_reply> http_request(std::uint16_t port, const std::string& path,
                                       const std::string& body, std::chrono::milliseconds time) {
    const int connection = open_connection(port, time);
    if (connection < 0) return std::nullopt;
    // HTTP/1.0: the answer ends with the connection.
    std::string request = fmt::format("{} {} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n",
                                      body.empty() ? "GET" : "POST", path, port);
    if (!body.empty()) {
        request +=
            fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
    }
    request += "\r\n" + body;
    std::optional<std::string> answer;
    if (send_all(connection, request)) answer = receive_all(connection, time);
    ::close(connection);
    if (!answer) return std::nullopt;
    return parse(*answer);
}

}  // namespace reeve::tests
