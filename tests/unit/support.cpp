#include "tests/unit/support.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace support {

namespace {

/// Each test is a child of the runner, so both know this name.
std::string folder_of_run(pid_t runner) {
    const char* above = std::getenv("TMPDIR");
    return std::string(above != nullptr ? above : "/tmp") + "/berth-unit-" + std::to_string(runner);
}

/// Bit of CAP_SYS_ADMIN in the line CapEff of /proc/self/status.
bool may_mount() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("CapEff:", 0) == 0) return ((std::strtoull(line.c_str() + 7, nullptr, 16) >> 21) & 1) != 0;
    return false;
}

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ? "" : "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

void needs_root() {
    if (::geteuid() != 0) cr_skip_test("needs root");
    if (!may_mount()) cr_skip_test("needs CAP_SYS_ADMIN");
}

void needs_program(const std::string& program) {
    const std::string look = "command -v " + program + " >/dev/null 2>&1";
    if (std::system(look.c_str()) != 0) cr_skip_test("needs the program %s", program.c_str());
}

std::string temporary_folder() {
    const std::string above = folder_of_run(::getppid());
    std::filesystem::create_directories(above);
    std::string path = std::filesystem::canonical(above).string() + "/XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) cr_assert_fail("mkdtemp %s: %s", path.c_str(), std::strerror(errno));
    return path;
}

std::string write_file(const std::string& path, const std::string& text, mode_t mode) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), mode);
    return path;
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

bool exists(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0;
}

std::string in_child(const std::function<std::string()>& body) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return "pipe: " + std::string(std::strerror(errno));
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) return "fork: " + std::string(std::strerror(errno));
    if (child == 0) {
        const std::string text = body();
        const ssize_t put = ::write(ends[1], text.data(), text.size());
        ::_exit(put == static_cast<ssize_t>(text.size()) ? 0 : 99);
    }
    ::close(ends[1]);
    std::string text;
    char part[4096];
    for (ssize_t got; (got = ::read(ends[0], part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    const std::string end = how_it_ended(status);
    return end.empty() ? text : end;
}

int open_descriptors() {
    int count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count - 1;  // The iterator's own.
}

}  // namespace support

// Runs in the runner, once, when every test has ended: also after those that crashed.
ReportHook(POST_ALL)(struct criterion_global_stats*) {
    std::error_code failed;
    std::filesystem::remove_all(support::folder_of_run(::getpid()), failed);
}
