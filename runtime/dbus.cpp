// Wire format: the D-Bus specification, "Message Protocol".

#include "runtime/dbus.h"

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "runtime/listener.h"

namespace berth::runtime {

namespace {

constexpr std::uint8_t method_call = 1, method_return = 2, error_answer = 3, signal_message = 4;
constexpr std::uint8_t path_field = 1, interface_field = 2, member_field = 3, error_field = 4, reply_field = 5,
                       destination_field = 6, signature_field = 8;
constexpr std::uint32_t largest_message = 1u << 20;
/// systemd may be busy; a runtime that waits for ever for it is worse than one that says so.
constexpr int longest_silence_ms = 30'000;

void header_text(DbusWriter& out, std::uint8_t field, char type, const std::string& value) {
    if (value.empty()) return;
    out.align(8);
    out.byte(field);
    out.signature(std::string(1, type));
    if (type == 'g') out.signature(value);
    else out.text(value);
}

std::uint32_t word_at(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    if (at + 4 <= bytes.size()) std::memcpy(&value, bytes.data() + at, 4);
    return value;
}

std::string text_at(const std::string& bytes, std::size_t& at) {
    at = (at + 3) & ~std::size_t{3};
    const std::uint32_t length = word_at(bytes, at);
    at += 4;
    if (at > bytes.size() || length > bytes.size() - at) return {};
    std::string out = bytes.substr(at, length);
    at += length + 1;
    return out;
}

Result<std::string> read_exactly(const Fd& from, std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t have = 0; have < size;) {
        pollfd poll{from.raw(), POLLIN, 0};
        if (::poll(&poll, 1, longest_silence_ms) == 0) return Error(Kind::busy, "systemd does not answer");
        const std::size_t got = TRY(sys::read(from, std::span(out.data() + have, size - have)));
        if (got == 0) return Error(Kind::system, "the bus hung up");
        have += got;
    }
    return out;
}

std::string bus_path() {
    const char* address = std::getenv("DBUS_SYSTEM_BUS_ADDRESS");
    if (address != nullptr && std::strncmp(address, "unix:path=", 10) == 0) {
        const std::string path = address + 10;
        return path.substr(0, path.find_first_of(",;"));
    }
    return "/run/dbus/system_bus_socket";
}

std::string hexadecimal(const std::string& text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
        out.push_back(digits[static_cast<unsigned char>(c) & 15]);
    }
    return out;
}

void write_properties(DbusWriter& out, const std::vector<UnitProperty>& properties) {
    const auto begun = out.begin_array(8);
    for (const UnitProperty& property : properties) {
        out.align(8);
        out.text(property.name);
        out.variant(property.value);
    }
    out.end_array(begun);
}

constexpr const char* systemd_name = "org.freedesktop.systemd1";
constexpr const char* systemd_path = "/org/freedesktop/systemd1";
constexpr const char* manager = "org.freedesktop.systemd1.Manager";

}  // namespace

void DbusWriter::align(std::size_t to) {
    while (out_.size() % to != 0) out_.push_back('\0');
}
void DbusWriter::word(std::uint32_t value) {
    align(4);
    out_.append(static_cast<const char*>(static_cast<const void*>(&value)), sizeof value);
}
void DbusWriter::wide(std::uint64_t value) {
    align(8);
    out_.append(static_cast<const char*>(static_cast<const void*>(&value)), sizeof value);
}
void DbusWriter::text(const std::string& value) {
    word(static_cast<std::uint32_t>(value.size()));
    out_.append(value);
    out_.push_back('\0');
}
void DbusWriter::signature(const std::string& value) {
    byte(static_cast<std::uint8_t>(value.size()));
    out_.append(value);
    out_.push_back('\0');
}
DbusWriter::ArrayMark DbusWriter::begin_array(std::size_t element_alignment) {
    word(0);
    const std::size_t length_at = out_.size() - 4;
    align(element_alignment);
    return {length_at, out_.size()};
}
void DbusWriter::end_array(ArrayMark mark) {
    const auto length = static_cast<std::uint32_t>(out_.size() - mark.first);
    std::memcpy(out_.data() + mark.length_at, &length, sizeof length);
}
void DbusWriter::write(bool value) { signature("b"), word(value ? 1 : 0); }
void DbusWriter::write(std::int32_t value) { signature("i"), word(static_cast<std::uint32_t>(value)); }
void DbusWriter::write(std::uint32_t value) { signature("u"), word(value); }
void DbusWriter::write(std::int64_t value) { signature("x"), wide(static_cast<std::uint64_t>(value)); }
void DbusWriter::write(std::uint64_t value) { signature("t"), wide(value); }
void DbusWriter::write(double value) { signature("d"), wide(std::bit_cast<std::uint64_t>(value)); }
void DbusWriter::write(const std::string& value) { signature("s"), text(value); }
void DbusWriter::write(const std::vector<std::string>& values) {
    signature("as");
    const ArrayMark begun = begin_array(4);
    for (const std::string& one : values) text(one);
    end_array(begun);
}
void DbusWriter::write(const std::vector<std::uint8_t>& values) {
    signature("ay");
    const ArrayMark begun = begin_array(1);
    for (const std::uint8_t one : values) byte(one);
    end_array(begun);
}
void DbusWriter::write(const std::vector<std::uint32_t>& values) {
    signature("au");
    const ArrayMark begun = begin_array(4);
    for (const std::uint32_t one : values) word(one);
    end_array(begun);
}
void DbusWriter::variant(const UnitValue& value) {
    std::visit([this](const auto& held) { write(held); }, value);
}

Result<DbusConnection> DbusConnection::open_system() {
    Fd socket = TRY(connect_to_socket(bus_path()), "system bus");
    DbusConnection out(std::move(socket));
    TRY(out.authenticate(), "system bus");
    TRY(out.call({"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", "", ""}), "system bus");
    return out;
}

Result<void> DbusConnection::authenticate() {
    std::string hello(1, '\0');
    hello += cat("AUTH EXTERNAL ", hexadecimal(cat(::geteuid())), "\r\nBEGIN\r\n");
    TRY(sys::write_all(socket_, hello));
    std::string line;
    while (!line.ends_with("\r\n")) {
        line += TRY(read_exactly(socket_, 1));
        if (line.size() > 512) return Error(Kind::system, "the bus speaks another protocol");
    }
    if (!line.starts_with("OK ")) return Error(Kind::denied, "the bus refuses this user");
    return {};
}

Result<std::uint32_t> DbusConnection::send(const Call& call) {
    DbusWriter out;
    out.byte('l');
    out.byte(method_call);
    out.byte(0);
    out.byte(1);
    out.word(static_cast<std::uint32_t>(call.body.size()));
    out.word(++serial_);
    const auto begun = out.begin_array(8);
    header_text(out, path_field, 'o', call.path);
    header_text(out, interface_field, 's', call.interface);
    header_text(out, member_field, 's', call.member);
    header_text(out, destination_field, 's', call.destination);
    header_text(out, signature_field, 'g', call.signature);
    out.end_array(begun);
    out.align(8);
    TRY(sys::write_all(socket_, out.bytes() + call.body));
    return serial_;
}

Result<DbusConnection::Answer> DbusConnection::receive() {
    const std::string fixed = TRY(read_exactly(socket_, 16));
    const std::uint32_t body_size = word_at(fixed, 4), fields_size = word_at(fixed, 12);
    if (fixed[0] != 'l' || body_size > largest_message || fields_size > largest_message)
        return Error(Kind::system, "the bus speaks another protocol");
    const std::string fields = TRY(read_exactly(socket_, (fields_size + 7) & ~std::uint32_t{7}));
    Answer out;
    out.type = static_cast<std::uint8_t>(fixed[1]);
    for (std::size_t at = 0; at + 4 < fields_size;) {
        at = (at + 7) & ~std::size_t{7};
        const auto field = static_cast<std::uint8_t>(fields[at]);
        const char type = fields[at + 2];
        at += 4;
        if (type == 'u') {
            if (field == reply_field) out.reply_to = word_at(fields, at);
            at += 4;
        } else if (type == 'g') {
            at += static_cast<unsigned char>(fields[at]) + 2u;
        } else {
            const std::string value = text_at(fields, at);
            if (field == member_field) out.member = value;
            if (field == error_field) out.error = value;
        }
    }
    out.body = TRY(read_exactly(socket_, body_size));
    return out;
}

Result<std::string> DbusConnection::call(const Call& call) {
    const std::uint32_t serial = TRY(send(call));
    for (;;) {
        Answer answer = TRY(receive());
        if (answer.type == signal_message) signals_.push_back(std::move(answer));
        else if (answer.reply_to == serial && answer.type == method_return) return std::move(answer.body);
        else if (answer.reply_to == serial && answer.type == error_answer) {
            std::size_t at = 0;
            const std::string words = text_at(answer.body, at);
            const bool exists = answer.error == "org.freedesktop.systemd1.UnitExists";
            return Error(exists ? Kind::exists : Kind::system, words.empty() ? answer.error : words);
        }
    }
}

Result<void> DbusConnection::wait_for_job(const std::string& unit) {
    // JobRemoved: u id, o job, s unit, s result.
    const auto result_of = [&](const Answer& signal) -> std::string {
        if (signal.member != "JobRemoved") return {};
        std::size_t at = 4;
        text_at(signal.body, at);
        if (text_at(signal.body, at) != unit) return {};
        return text_at(signal.body, at);
    };
    std::size_t seen = 0;
    for (;;) {
        for (; seen < signals_.size(); ++seen) {
            const std::string result = result_of(signals_[seen]);
            if (result == "done") return {};
            if (!result.empty()) return Error(Kind::system, cat("the job ended with '", result, "'"));
        }
        Answer answer = TRY(receive());
        if (answer.type == signal_message) signals_.push_back(std::move(answer));
    }
}

Result<void> DbusConnection::start_transient_unit(const std::string& unit, const std::vector<UnitProperty>& properties) {
    TRY(call({systemd_name, systemd_path, manager, "Subscribe", "", ""}));
    DbusWriter rule;
    rule.text("type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'");
    TRY(call({"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", rule.bytes()}));
    DbusWriter body;
    body.text(unit);
    body.text("replace");
    write_properties(body, properties);
    body.end_array(body.begin_array(8));  // No auxiliary units.
    const Call start{systemd_name, systemd_path, manager, "StartTransientUnit", "ssa(sv)a(sa(sv))", body.bytes()};
    auto started = call(start);
    if (!started.ok() && started.error().kind() == Kind::exists) {
        DbusWriter name;
        name.text(unit);
        TRY(call({systemd_name, systemd_path, manager, "ResetFailedUnit", "s", name.bytes()}));
        started = call(start);
    }
    TRY(std::move(started));
    return wait_for_job(unit);
}

Result<void> DbusConnection::set_unit_properties(const std::string& unit, const std::vector<UnitProperty>& properties) {
    if (properties.empty()) return {};
    DbusWriter body;
    body.text(unit);
    body.word(1);  // runtime: not on disk
    write_properties(body, properties);
    TRY(call({systemd_name, systemd_path, manager, "SetUnitProperties", "sba(sv)", body.bytes()}));
    return {};
}

Result<void> DbusConnection::stop_unit(const std::string& unit) {
    DbusWriter body;
    body.text(unit);
    body.text("replace");
    TRY(call({systemd_name, systemd_path, manager, "StopUnit", "ss", body.bytes()}));
    return {};
}

}  // namespace berth::runtime
