// The drivers that hand lines to a daemon of the host: journald (its native datagrams) and syslog (unix, udp or tcp). Sockets
// never block: what the other side does not take at once is lost and counted, so that no daemon can hold a container up.

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unix_address.h"
#include "container/log_drivers.h"

namespace berth::container {

namespace {

Result<Fd> connect_unix(const std::string& path, int type) {
    const UnixAddress address = TRY(unix_address(path));
    Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) return Error::of_errno(errno, "socket");
    if (::connect(socket.raw(), address.any(), address.size()) != 0)
        // A socket that is missing is not a command that is missing, which exit code 127 would say.
        return Error::of_errno(errno, path).with_kind(Kind::system);
    return socket;
}

bool send_all(const Fd& socket, std::string_view bytes) {
    const ssize_t sent = ::send(socket.raw(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == static_cast<ssize_t>(bytes.size());
}

class SocketLog : public LogDriver {
public:
    explicit SocketLog(Fd socket) : socket_(std::move(socket)) {}
    std::uint64_t flush() override { return std::exchange(lost_, 0); }

protected:
    void send(std::string_view packet) {
        if (!send_all(socket_, packet)) ++lost_;
    }

private:
    Fd socket_;
    std::uint64_t lost_ = 0;
};

/// systemd: "Native Journal Protocol". A value with a newline is given by length, so that no line can forge a field.
class JournaldLog : public SocketLog {
public:
    JournaldLog(Fd socket, std::string fields) : SocketLog(std::move(socket)), fields_(std::move(fields)) {}

    void append(const LogLine& line) override {
        std::string packet = fields_;
        packet += line.stream == LogStream::output ? "PRIORITY=6\n" : "PRIORITY=3\n";
        if (line.is_part) packet += "CONTAINER_PARTIAL_MESSAGE=true\n";
        std::string_view text = line.text;
        if (text.ends_with('\n')) text.remove_suffix(1);
        packet += "MESSAGE\n";
        std::uint64_t length = text.size();
        for (int i = 0; i < 8; ++i, length >>= 8) packet.push_back(static_cast<char>(length));
        packet += text;
        packet += '\n';
        send(packet);
    }

private:
    std::string fields_;
};

struct SyslogTarget {
    std::string scheme;  ///< unix, unixgram, udp, tcp
    std::string place;
};

class SyslogLog : public SocketLog {
public:
    SyslogLog(Fd socket, bool is_stream, int facility, std::string tag, std::string format)
        : SocketLog(std::move(socket)), is_stream_(is_stream), facility_(facility), tag_(std::move(tag)), format_(std::move(format)) {}

    void append(const LogLine& line) override {
        std::string_view text = line.text;
        if (text.ends_with('\n')) text.remove_suffix(1);
        const int severity = line.stream == LogStream::output ? 6 : 3;
        std::string packet = cat('<', facility_ * 8 + severity, '>');
        if (format_.starts_with("rfc5424")) packet += cat("1 ", moment_text(line.time), " - ", tag_, ' ', ::getpid(), ' ', tag_, " - ", text);
        else packet += cat(rfc3164_time(line.time), ' ', tag_, '[', ::getpid(), "]: ", text);
        if (is_stream_) packet += '\n';
        send(packet);
    }

private:
    /// "Jan  2 15:04:05"
    static std::string rfc3164_time(Moment time) {
        constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const std::string text = moment_text(time);
        std::size_t month = 1;
        std::from_chars(text.data() + 5, text.data() + 7, month);
        const std::string_view day = std::string_view(text).substr(8, 2);
        return cat(months[month - 1], ' ', day[0] == '0' ? cat(' ', day[1]) : std::string(day), ' ', std::string_view(text).substr(11, 8));
    }
    bool is_stream_;
    int facility_;
    std::string tag_;
    std::string format_;
};

constexpr std::string_view facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"};

Result<int> parse_facility(const std::string& text) {
    if (text.empty()) return 3;
    int number = -1;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code == std::errc() && end == text.data() + text.size() && number >= 0 && number <= 23) return number;
    for (std::size_t i = 0; i < std::size(facilities); ++i)
        if (facilities[i] == text) return static_cast<int>(i);
    if (text.starts_with("local") && text.size() == 6 && text[5] >= '0' && text[5] <= '7') return 16 + (text[5] - '0');
    return Error(Kind::invalid, cat("log option syslog-facility=", text, ": unknown facility"));
}

Result<Fd> connect_inet(const SyslogTarget& target, int type) {
    const std::size_t colon = target.place.rfind(':');
    std::string host = target.place.substr(0, colon);
    std::uint16_t port = 514;
    if (colon != std::string::npos) std::from_chars(target.place.data() + colon + 1, target.place.data() + target.place.size(), port);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    v4.sin_port = v6.sin6_port = htons(port);
    const bool is_v4 = ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1)
        return Error(Kind::invalid, cat("log option syslog-address: '", host, "' is not an IP address"));
    // Connected while blocking, so that a server which is not there fails the start instead of losing every line.
    Fd socket(::socket(is_v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return Error::of_errno(errno, "socket");
    const void* address = is_v4 ? static_cast<const void*>(&v4) : &v6;
    if (::connect(socket.raw(), static_cast<const sockaddr*>(address), is_v4 ? sizeof v4 : sizeof v6) != 0)
        return Error::of_errno(errno, cat("syslog server ", target.place));
    return socket;
}

std::string option_of(const Definition& definition, const std::string& name, std::string otherwise) {
    const auto found = definition.host.log_config.options.find(name);
    return found == definition.host.log_config.options.end() ? std::move(otherwise) : found->second;
}

}  // namespace

Result<std::unique_ptr<LogDriver>> open_journald_log(const Definition& definition) {
    Fd socket = TRY(connect_unix("/run/systemd/journal/socket", SOCK_DGRAM), "journald");
    const std::string tag = log_tag(definition, option_of(definition, "tag", "{{.ID}}"));
    std::string fields = cat("CONTAINER_ID=", definition.id.substr(0, 12), "\nCONTAINER_ID_FULL=", definition.id,
                             "\nCONTAINER_NAME=", definition.name, "\nCONTAINER_TAG=", tag, "\nIMAGE_NAME=", definition.config.image,
                             "\nSYSLOG_IDENTIFIER=", tag, '\n');
    for (const auto& [key, value] : log_attributes(definition)) {
        // A field's name has capitals, digits and underscores only.
        std::string name = key;
        std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c == '.' || c == '-' ? '_' : c; });
        if (value.find('\n') == std::string::npos) fields += cat(name, '=', value, '\n');
    }
    return std::unique_ptr<LogDriver>(std::make_unique<JournaldLog>(std::move(socket), std::move(fields)));
}

Result<std::unique_ptr<LogDriver>> open_syslog_log(const Definition& definition) {
    const std::string address = option_of(definition, "syslog-address", "unixgram:///dev/log");
    const std::size_t colon = address.find("://");
    const SyslogTarget target{address.substr(0, colon), colon == std::string::npos ? std::string() : address.substr(colon + 3)};
    const int facility = TRY(parse_facility(option_of(definition, "syslog-facility", "")));
    const bool is_stream = target.scheme == "tcp" || target.scheme == "unix";
    const int type = is_stream ? SOCK_STREAM : SOCK_DGRAM;
    const bool is_unix = target.scheme == "unix" || target.scheme == "unixgram";
    if (!is_unix && target.scheme != "udp" && target.scheme != "tcp")
        return Error(Kind::invalid, cat("log option syslog-address=", address, ": use unix://, unixgram://, udp:// or tcp://"));
    Fd socket = is_unix ? TRY(connect_unix(target.place, type), "syslog") : TRY(connect_inet(target, type));
    return std::unique_ptr<LogDriver>(std::make_unique<SyslogLog>(std::move(socket), is_stream, facility,
                                                                 log_tag(definition, option_of(definition, "tag", "{{.ID}}")),
                                                                 option_of(definition, "syslog-format", "")));
}

}  // namespace berth::container
