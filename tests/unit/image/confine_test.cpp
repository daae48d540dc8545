#include "image/confine.h"

#include <criterion/criterion.h>

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cat.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::image;

TestSuite(image_confine, .timeout = 10);

namespace {

/// What the kernel said to each of the attempts that did not end in EPERM.
std::string attempts() {
    std::string got;
    const auto expect_refused = [&](const char* what, long result) {
        if (result != -1 || errno != EPERM) got += cat(what, ": ", result == -1 ? errno : 0, "; ");
    };
    struct stat status;
    char byte = 0;
    char* const arguments[] = {nullptr};
    expect_refused("open", ::open("/etc/passwd", O_RDONLY));
    expect_refused("create", ::open("/tmp/berth-confine-test", O_CREAT | O_WRONLY, 0600));
    expect_refused("stat", ::stat("/etc/passwd", &status));
    expect_refused("chdir", ::chdir("/"));
    expect_refused("socket", ::socket(AF_INET, SOCK_STREAM, 0));
    expect_refused("read of another descriptor", ::read(1, &byte, 1));
    expect_refused("write to the input", ::write(0, &byte, 1));
    expect_refused("dup", ::dup(0));
    expect_refused("fork", ::fork());
    expect_refused("execve", ::execve("/bin/true", arguments, arguments));
    expect_refused("kill", ::kill(1, 0));
    expect_refused("executable memory", reinterpret_cast<long>(::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
    expect_refused("another filter", ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    return got;
}

}  // namespace

Test(image_confine, what_is_confined_reaches_nothing_but_its_streams) {
    // The verdict goes out as the child's exit status and on descriptor 2; support::in_child's own pipe would be closed.
    const std::string folder = support::temporary_folder();
    const std::string seen = support::write_file(folder + "/seen", "");
    const std::string ended = support::in_child([&]() -> std::string {
        const int to = ::open(seen.c_str(), O_WRONLY);
        ::dup2(to, 2);
        const Result<void> confined = confine_to_standard_streams();
        const std::string text = confined.ok() ? attempts() : confined.error().text();
        ::_exit(::write(2, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
    });
    const std::string text = support::read_file(seen);
    cr_expect(text.empty(), "%s (%s)", text.c_str(), ended.c_str());
}
