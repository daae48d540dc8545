#include <criterion/criterion.h>

#include <cstdio>
#include <fstream>

#include <unistd.h>

#include "base/file.h"
#include "container/log_reader.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_log_reader, .timeout = 20);

namespace {

std::string line(int second, const std::string& text, const char* stream = "stdout") {
    return cat("{\"log\":\"", text, "\\n\",\"stream\":\"", stream, "\",\"time\":\"", moment_text(Moment{second * 1'000'000'000ll}), "\"}\n");
}

std::string length_of(std::size_t size) { return std::string{0, 0, static_cast<char>(size >> 8), static_cast<char>(size)}; }

/// A record of the local driver: stdout, time, text.
std::string record(int second, const std::string& text) {
    std::string entry = cat("\x0a\x06stdout", "\x10");
    std::uint64_t time = static_cast<std::uint64_t>(second) * 1'000'000'000;
    for (; time >= 0x80; time >>= 7) entry.push_back(static_cast<char>(time | 0x80));
    entry.push_back(static_cast<char>(time));
    entry += cat("\x1a", static_cast<char>(text.size()), text);
    return cat(length_of(entry.size()), entry, length_of(entry.size()));
}

/// A folder with a log in it, and what reading it gives.
struct Log {
    std::string path = support::temporary_folder();
    Fd folder = sys::open(path, O_RDONLY | O_DIRECTORY).value();

    void append(const std::string& text) const { std::ofstream(path + "/log", std::ios::app) << text; }
    void rotate(const char* from, const char* to) const {
        cr_assert_eq(std::rename((path + "/" + from).c_str(), (path + "/" + to).c_str()), 0);
    }
    LogFiles::Form form = LogFiles::Form::lines;
    std::string read(const LogQuery& query, const std::function<bool()>& is_written = [] { return false; }) const {
        std::string all;
        const auto done = read_log_files({folder, "log", form}, query, is_written, [&](const LogEntry& entry) -> Result<bool> {
            all += entry.text.substr(0, entry.text.find('\n'));
            all += ' ';
            return true;
        });
        return done.ok() ? all : done.error().text();
    }
};

}  // namespace

Test(container_log_reader, a_line_of_the_exact_form_is_read) {
    const auto entry = parse_log_line(R"({"log":"a \"b\" \u003c\u00e9\\\n","stream":"stderr","time":"2026-01-02T03:04:05.6Z"})");
    cr_assert(entry.has_value());
    EXPECT_TEXT(entry->text, "a \"b\" <\xC3\xA9\\\n");
    cr_expect(entry->stream == LogEntry::Stream::error);
    EXPECT_TEXT(moment_text(entry->time), "2026-01-02T03:04:05.6Z");
}

Test(container_log_reader, attributes_and_any_order_are_read_too) {
    const auto entry = parse_log_line(R"({"time":"2026-01-02T03:04:05Z","attrs":{"k":"v"},"stream":"stdout","log":"x"})");
    cr_assert(entry.has_value());
    EXPECT_TEXT(entry->text, "x");
    EXPECT_TEXT(entry->attributes.at("k"), "v");
}

Test(container_log_reader, characters_beyond_the_first_plane_are_read) {
    const auto entry = parse_log_line(R"({"log":"\ud83d\ude00","stream":"stdout","time":"2026-01-02T03:04:05Z"})");
    cr_assert(entry.has_value());
    EXPECT_TEXT(entry->text, "\xF0\x9F\x98\x80");
}

Test(container_log_reader, what_is_no_log_line_is_none) {
    cr_expect(!parse_log_line("").has_value());
    cr_expect(!parse_log_line("{\"log\":\"x").has_value());
    cr_expect(!parse_log_line("[]").has_value());
    cr_expect(!parse_log_line(R"({"log":"x","stream":"stdout"})").has_value());
}

Test(container_log_reader, all_parts_are_read_oldest_first) {
    Log log;
    log.append(line(1, "a"));
    log.rotate("log", "log.2");
    log.append(line(2, "b"));
    log.rotate("log", "log.1");
    log.append(line(3, "c"));
    EXPECT_TEXT(log.read({}), "a b c ");
}

Test(container_log_reader, torn_and_foreign_lines_are_skipped) {
    Log log;
    log.append(line(1, "a") + "{\"log\":\"tor\n" + line(2, "b") + std::string(3, '\0') + "\n" + line(3, "c") + "{\"log\":\"no end");
    EXPECT_TEXT(log.read({}), "a b c ");
}

Test(container_log_reader, tail_counts_over_parts) {
    Log log;
    log.append(line(1, "a") + line(2, "b"));
    log.rotate("log", "log.1");
    log.append(line(3, "c") + line(4, "d"));
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 3}), "b c d ");
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 2}), "c d ");
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 1}), "d ");
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 0}), "");
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 9}), "a b c d ");
}

Test(container_log_reader, tail_finds_lines_that_span_blocks) {
    Log log;
    const std::string longer(200'000, 'x');
    log.append(line(1, "a") + line(2, longer) + line(3, longer) + line(4, "d"));
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 3}), cat(longer, " ", longer, " d ").c_str());
}

Test(container_log_reader, since_and_until_bound_the_time) {
    Log log;
    for (int second = 1; second <= 5; ++second) log.append(line(second, cat(second)));
    EXPECT_TEXT(log.read({.since = Moment{2'000'000'000}, .until = Moment{4'000'000'000}, .tail = {}}), "2 3 4 ");
}

Test(container_log_reader, a_sink_that_wants_no_more_ends_it) {
    Log log;
    log.append(line(1, "a") + line(2, "b"));
    int seen = 0;
    cr_assert(read_log_files({log.folder, "log"}, {}, [] { return false; }, [&](const LogEntry&) -> Result<bool> {
                  ++seen;
                  return false;
              }).ok());
    cr_expect_eq(seen, 1);
}

Test(container_log_reader, follow_sees_what_comes_over_a_rotation_to_the_end) {
    Log log;
    log.append(line(1, "a"));
    int asked = 0;
    const auto writes = [&] {
        switch (asked++) {
            case 0: log.append(line(2, "b")); return true;
            case 1:
                log.append(line(3, "c"));
                log.rotate("log", "log.1");
                log.append(line(4, "d"));
                return true;
            case 2:
                log.rotate("log.1", "log.2");
                log.rotate("log", "log.1");
                log.append(line(5, "e"));
                return true;
            default: return false;
        }
    };
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = {}, .follow = true}, writes), "a b c d e ");
}

Test(container_log_reader, follow_goes_on_when_the_old_file_is_gone) {
    Log log;
    log.append(line(1, "a"));
    int asked = 0;
    const auto writes = [&] {
        if (asked == 1) {
            // As if compressed: the file that was being read has no name any more.
            log.append(line(2, "b"));
            support::write_file(log.path + "/log.1", line(1, "a") + line(2, "b"));
            support::write_file(log.path + "/new", line(3, "c"));
            log.rotate("new", "log");
        }
        return ++asked < 3;
    };
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = {}, .follow = true}, writes), "a b c ");
}

Test(container_log_reader, follow_starts_again_in_an_emptied_file) {
    Log log;
    log.append(line(1, "a") + line(2, "b"));
    int asked = 0;
    const auto writes = [&] {
        if (asked == 1) {
            cr_assert_eq(truncate((log.path + "/log").c_str(), 0), 0);
            log.append(line(3, "c"));
        }
        return ++asked < 3;
    };
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = {}, .follow = true}, writes), "a b c ");
}

Test(container_log_reader, follow_with_tail_none_shows_only_what_is_new) {
    Log log;
    log.append(line(1, "a"));
    int asked = 0;
    const auto writes = [&] {
        if (asked == 1) log.append(line(2, "b"));
        return ++asked < 3;
    };
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 0, .follow = true}, writes), "b ");
}

Test(container_log_reader, records_of_the_local_driver_are_read) {
    Log log;
    log.form = LogFiles::Form::records;
    log.append(record(1, "a") + record(2, "b"));
    log.rotate("log", "log.1");
    log.append(record(3, "c"));
    EXPECT_TEXT(log.read({}), "a b c ");
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 2}), "b c ");
}

Test(container_log_reader, a_damaged_record_ends_its_file_only) {
    Log log;
    log.form = LogFiles::Form::records;
    log.append(record(1, "a") + std::string("\xff\xff\xff\xff torn"));
    log.rotate("log", "log.1");
    log.append(record(3, "c"));
    EXPECT_TEXT(log.read({}), "a c ");
}

Test(container_log_reader, records_are_followed_from_the_tail_on) {
    Log log;
    log.form = LogFiles::Form::records;
    log.append(record(1, "a") + record(2, "b"));
    int asked = 0;
    const auto writes = [&] {
        if (asked == 1) log.append(record(3, "c"));
        return ++asked < 3;
    };
    EXPECT_TEXT(log.read({.since = {}, .until = {}, .tail = 1, .follow = true}, writes), "b c ");
}

Test(container_log_reader, a_part_of_a_line_has_no_end) {
    const auto part = parse_log_record(std::string("\x0a\x06stderr\x10\x01\x1a\x01x\x20\x01", 15));
    cr_assert(part.has_value());
    EXPECT_TEXT(part->text, "x");
    cr_expect(part->stream == LogEntry::Stream::error);
    EXPECT_TEXT(parse_log_record(std::string("\x0a\x06stdout\x10\x01\x1a\x01x", 13))->text, "x\n");
    cr_expect(!parse_log_record("\x1a\x7fx").has_value());
}

Test(container_log_reader, times_are_given_in_many_forms) {
    const Moment now{100'000'000'000'000};
    cr_expect_eq(parse_time_option("10m", now).value().nanoseconds, 99'400'000'000'000);
    cr_expect_eq(parse_time_option("12.5", now).value().nanoseconds, 12'500'000'000);
    cr_expect_eq(parse_time_option("1970-01-02", now).value().nanoseconds, 86'400'000'000'000);
    EXPECT_TEXT(parse_time_option("yesterday", now).error().text(), "invalid time 'yesterday'");
}
