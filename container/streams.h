#pragma once
// A container's stdin, stdout and stderr on the monitor's side: what the program writes goes to the log and to every client
// that is attached; what clients send goes to its stdin.
//
// stdout and stderr are FIFOs in the run folder, which the program holds open for reading and writing: when the monitor is
// killed the program neither gets SIGPIPE nor loses a byte, it waits until a new monitor opens the FIFO again; what is lost
// is what the dead one had read and not yet written, in the microseconds between these two calls. A client
// that does not read holds the program up, as a pipe to that client would; nothing is dropped for it and nothing piles up.

#include <array>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "container/control.h"
#include "container/log_writer.h"
#include "container/loop.h"
#include "runtime/users.h"

namespace berth::container {

struct StreamWishes {
    bool input = false;
    bool output = false;
    bool error_output = false;
};

class Streams {
public:
    Streams(Loop& loop, LogWriter log);
    ~Streams();

    /// New FIFOs and a pipe for stdin, or null devices with a terminal (take_console follows then); FIFOs and a socket for
    /// orders to the container's own init when there are declared processes.
    Result<void> make(const Fd& run_folder, const Definition& definition);
    /// The program's ends, for the launch (none: /dev/null); give_ends_to makes them its user's (/dev/stdout can be opened again then).
    std::array<const Fd*, 3> ends() const;
    /// 3, 4, … of the container's own init (tiny_init.h): the socket for orders, then two ends for each declared process.
    std::vector<const Fd*> extra_ends() const;
    Result<void> give_ends_to(const runtime::ResolvedUser& user) const;
    /// After the clone: the program has its ends.
    void close_ends();
    Result<void> take_console(Fd master);
    /// The FIFOs of a container that outlived its monitor.
    Result<void> adopt(const Fd& run_folder, const Definition& definition);
    /// Kind::wrong_state when it has no declared processes, or the monitor that could order them was killed.
    Result<void> order(std::string_view text) const;

    /// Called when a client's terminal changed its size, and with it the container's.
    std::function<void(unsigned short rows, unsigned short columns)> on_resize;

    void add_client(Fd socket, StreamWishes wishes);
    bool has_clients() const { return !clients_.empty(); }
    void begin();
    Result<void> resize(unsigned short rows, unsigned short columns) const;

    /// The container ended: reads what stands in the FIFOs and closes them.
    void finish();
    /// Tells every client the exit code and lets it go. Never waits: what a slow client has not read yet stays queued for it.
    void send_end(int exit_code);

    LogWriter& log() { return log_; }
    /// Called when the log has lost further lines.
    void on_loss(std::function<void()> told) { on_loss_ = std::move(told); }

private:
    struct Source {
        Fd fd;
        Loop::Id watch = 0;
        std::size_t log_stream = 0;
        StreamTag tag = StreamTag::output;
        bool ended = false;
    };
    struct Client {
        Fd socket;
        Loop::Id watch = 0;
        StreamWishes wishes;
        std::string pending;       ///< a packet that did not fit
        bool waits_for_input = false;  ///< the program does not read: its packets wait in the socket
        bool gone = false;
    };

    Result<Fd> make_source(const Fd& run_folder, const std::string& name, StreamTag tag, std::string process);
    Result<void> adopt_source(const Fd& run_folder, const std::string& name, StreamTag tag, std::string process);
    void watch_source(Source& source);
    bool read_source(Source& source);
    void broadcast(StreamTag tag, std::string_view bytes);
    bool flush(Client& client);
    void send_to(Client& client, StreamTag tag, std::string_view bytes);
    void on_client(Client& client, std::uint32_t events);
    void take_packet(Client& client);
    void write_input();
    void close_input();
    void update(Client& client);
    void drop(Client& client);
    void hold_sources(bool hold);
    void rest_soon();

    Loop& loop_;
    LogWriter log_;
    std::function<void()> on_loss_;
    Fd hidden_;                 ///< the run folder as the program's ends are opened in it; closing it costs the kernel time
    std::array<Fd, 3> ends_;
    std::vector<Fd> extra_ends_;
    Fd orders_;
    std::list<Source> sources_;
    Fd input_;                  ///< write end of stdin, or the console
    Loop::Id input_watch_ = 0;
    std::string input_pending_;
    Fd console_;
    Fd console_slave_;          ///< Kept open, so that the master never hangs up between two programs.
    std::list<Client> clients_;
    std::size_t blocked_ = 0;   ///< clients with a pending packet
    bool sources_held_ = false;
    bool input_once_ = false;
    Loop::Id rest_alarm_ = 0;
};

}  // namespace berth::container
