#pragma once
// As much of D-Bus as talking to systemd needs: a connection to the system bus, method calls with a few types, answers,
// and the signal that a job is done. libsystemd would cost every start of the runtime its libraries.

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/systemd_unit.h"

namespace berth::runtime {

class DbusConnection {
public:
    /// DBUS_SYSTEM_BUS_ADDRESS, else /run/dbus/system_bus_socket; authenticates and says Hello.
    static Result<DbusConnection> open_system();

    /// Starts the unit and waits until systemd says that the job is done. Replaces a failed unit of the same name.
    Result<void> start_transient_unit(const std::string& unit, const std::vector<UnitProperty>& properties);
    Result<void> set_unit_properties(const std::string& unit, const std::vector<UnitProperty>& properties);
    Result<void> stop_unit(const std::string& unit);

private:
    explicit DbusConnection(Fd socket) : socket_(std::move(socket)) {}
    struct Call {
        std::string destination, path, interface, member, signature, body;
    };
    struct Answer {
        std::uint8_t type = 0;
        std::uint32_t reply_to = 0;
        std::string member, error, body;
    };
    Result<std::uint32_t> send(const Call& call);
    Result<Answer> receive();
    Result<std::string> call(const Call& call);
    Result<void> wait_for_job(const std::string& unit);
    Result<void> authenticate();

    Fd socket_;
    std::uint32_t serial_ = 0;
    std::vector<Answer> signals_;  ///< that came while an answer was waited for
};

/// Values in D-Bus's wire form (little endian), aligned from the beginning of the body. Public for its tests.
class DbusWriter {
public:
    void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
    void word(std::uint32_t value);
    void wide(std::uint64_t value);
    void text(const std::string& value);
    void signature(const std::string& value);
    void variant(const UnitValue& value);
    void align(std::size_t to);
    /// Begins an array whose elements have this alignment; end_array() fills in its length.
    struct ArrayMark {
        std::size_t length_at;
        std::size_t first;  ///< behind the padding, which the length leaves out
    };
    ArrayMark begin_array(std::size_t element_alignment);
    void end_array(ArrayMark mark);
    const std::string& bytes() const { return out_; }

private:
    // The type's signature and the value.
    void write(bool value);
    void write(std::int32_t value);
    void write(std::uint32_t value);
    void write(std::int64_t value);
    void write(std::uint64_t value);
    void write(double value);
    void write(const std::string& value);
    void write(const std::vector<std::string>& values);
    void write(const std::vector<std::uint8_t>& values);
    void write(const std::vector<std::uint32_t>& values);

    std::string out_;
};

}  // namespace berth::runtime
