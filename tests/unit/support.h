#pragma once
// What unit tests of every folder share: a reason to skip, a child to do irreversible things in, and folders that go away.
// Criterion ends a failed test by a jump, so nothing here relies on destructors: the folders are removed by the test
// program itself when all its tests have ended.

#include <functional>
#include <string>

#include <sys/types.h>

/// Compares texts, the found one made by an expression: the failure shows both. For files that include Criterion.
#define EXPECT_TEXT(expression, wanted)                       \
    do {                                                      \
        const std::string found_text = (expression);          \
        cr_expect_str_eq(found_text.c_str(), wanted);         \
    } while (false)

namespace support {

/// Skips the running test unless it runs as root with the capabilities that mount and clone need.
void needs_root();
/// Skips the running test and says that `program` is missing, unless it is found through PATH.
void needs_program(const std::string& program);

/// A new empty folder, its path absolute and without links.
std::string temporary_folder();
/// Writes a file (folders above it are made) and returns its path.
std::string write_file(const std::string& path, const std::string& text, mode_t mode = 0644);
/// The whole text, "" when there is no such file.
std::string read_file(const std::string& path);
bool exists(const std::string& path);

/// Runs `body` in a forked child and returns the text that body returned: "" is good. When the child ended otherwise, the
/// text says how: "killed by signal 11", "exit code 3". Fork before any unshare, setns or clone: Criterion's runner keeps
/// threads.
std::string in_child(const std::function<std::string()>& body);

/// How many descriptors this process holds open.
int open_descriptors();

}  // namespace support
