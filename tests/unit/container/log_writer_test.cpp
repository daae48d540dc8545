#include <criterion/criterion.h>

#include "base/file.h"
#include "container/log_drivers.h"
#include "container/log_queue.h"
#include "container/log_writer.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_log_writer, .timeout = 20);

namespace {

/// Keeps what it is given, for looking at.
class Kept : public LogDriver {
public:
    explicit Kept(std::vector<std::string>& lines, std::vector<Moment>& times) : lines_(lines), times_(times) {}
    void append(const LogLine& line) override {
        lines_.push_back(cat(line.is_part ? "part:" : "", line.text));
        times_.push_back(line.time);
    }
    std::uint64_t flush() override { return 0; }

private:
    std::vector<std::string>& lines_;
    std::vector<Moment>& times_;
};

struct Bench {
    std::vector<std::string> lines;
    std::vector<Moment> times;
    LogWriter writer{std::make_unique<Kept>(lines, times)};
    std::size_t stream = writer.add_stream(LogStream::output);
};

std::string json_line(std::string_view text, std::string_view attributes = {}) {
    std::string out;
    append_json_line(out, {LogStream::output, text, false, Moment{1'700'000'000'120'000'000}, {}}, attributes);
    return out;
}

Definition definition_with(TextMap options) {
    Definition definition;
    definition.id = std::string(64, 'b');
    definition.host.log_config.options = std::move(options);
    return definition;
}

}  // namespace

Test(container_log_writer, lines_are_cut_at_newlines_across_reads) {
    Bench bench;
    bench.writer.write(bench.stream, "one\ntw");
    bench.writer.write(bench.stream, "o\nthree");
    bench.writer.end_of(bench.stream);
    cr_assert_eq(bench.lines.size(), 3u);
    cr_expect_str_eq(bench.lines[0].c_str(), "one\n");
    cr_expect_str_eq(bench.lines[1].c_str(), "two\n");
    cr_expect_str_eq(bench.lines[2].c_str(), "three");
}

Test(container_log_writer, a_long_line_is_split_at_16_kib_and_its_parts_share_the_time) {
    Bench bench;
    bench.writer.write(bench.stream, std::string(20'000, 'x') + "\nnext\n");
    cr_assert_eq(bench.lines.size(), 3u);
    cr_expect_eq(bench.lines[0].size(), 5u + 16'384u);
    cr_expect_eq(bench.lines[1].size(), 20'000u - 16'384u + 1);
    cr_expect_eq(bench.times[0].nanoseconds, bench.times[1].nanoseconds);
    cr_expect_gt(bench.times[2].nanoseconds, bench.times[1].nanoseconds);
}

Test(container_log_writer, times_rise_with_every_line) {
    Bench bench;
    bench.writer.write(bench.stream, "a\nb\nc\n");
    cr_expect_lt(bench.times[0].nanoseconds, bench.times[1].nanoseconds);
    cr_expect_lt(bench.times[1].nanoseconds, bench.times[2].nanoseconds);
}

Test(container_log_writer, json_file_lines_are_dockers) {
    const std::string line = json_line("say \"hi\" <b>&\t\\\n");
    cr_assert_str_eq(line.c_str(),
                     "{\"log\":\"say \\\"hi\\\" \\u003cb\\u003e\\u0026\\u0009\\\\\\n\",\"stream\":\"stdout\","
                     "\"time\":\"2023-11-14T22:13:20.12Z\"}\n");
}

Test(container_log_writer, json_file_keeps_valid_utf8_and_replaces_the_rest) {
    const std::string line = json_line("gr\xc3\xbc\xc3\x9f \xe2\x80\xa8 \xff\xc0\xaf \xed\xa0\x80 \xf0\x9f\x99\x82");
    cr_assert_str_eq(line.c_str(),
                     "{\"log\":\"gr\xc3\xbc\xc3\x9f \\u2028 \\ufffd\\ufffd\\ufffd \\ufffd\\ufffd\\ufffd \xf0\x9f\x99\x82\","
                     "\"stream\":\"stdout\",\"time\":\"2023-11-14T22:13:20.12Z\"}\n");
}

Test(container_log_writer, attributes_stand_between_stream_and_time) {
    const std::string line = json_line("x\n", "{\"a\":\"1\"}");
    cr_assert_str_eq(line.c_str(), "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"1\"},\"time\":\"2023-11-14T22:13:20.12Z\"}\n");
}

Test(container_log_writer, a_special_character_is_found_at_every_place_of_a_word) {
    for (std::size_t at = 0; at < 24; ++at) {
        std::string text(24, 'a');
        text[at] = '"';
        const std::string line = json_line(text);
        std::string expected = std::string(at, 'a') + "\\\"" + std::string(23 - at, 'a');
        expected = cat("{\"log\":\"", expected, "\",\"stream\":\"stdout\",\"time\":\"2023-11-14T22:13:20.12Z\"}\n");
        cr_assert_str_eq(line.c_str(), expected.c_str());
    }
}

Test(container_log_writer, files_rotate_at_their_size_and_the_oldest_goes) {
    const std::string path = support::temporary_folder();
    const Fd folder = sys::open(path, O_PATH | O_DIRECTORY).value();
    const Definition definition = definition_with({{"max-size", "1k"}, {"max-file", "3"}, {"compress", "false"}});
    LogWriter writer = LogWriter::open(folder, definition).value();
    const std::size_t stream = writer.add_stream(LogStream::output);
    for (int i = 0; i < 60; ++i) writer.write(stream, cat("line ", i, '\n'));
    const auto names = list_folder(folder).value();
    cr_assert_eq(names.size(), 3u);
    const std::string newest = support::read_file(path + "/" + definition.id + "-json.log");
    cr_expect(newest.find("line 59") != std::string::npos);
    cr_expect_eq(writer.dropped(), 0u);
}

Test(container_log_writer, an_unknown_driver_is_refused) {
    const auto checked = check_log_config({"fluff", {}});
    cr_assert(!checked.ok());
    const std::string text = checked.error().text();
    cr_assert_str_eq(text.c_str(), "unknown log driver 'fluff'");
}

Test(container_log_writer, an_option_of_another_driver_is_refused) {
    const auto checked = check_log_config({"json-file", {{"syslog-address", "udp://1.2.3.4"}}});
    cr_assert(!checked.ok());
    const std::string text = checked.error().text();
    cr_assert_str_eq(text.c_str(), "unknown log opt 'syslog-address' for json-file log driver");
}

Test(container_log_writer, sizes_are_decimal_and_minus_one_is_no_limit) {
    cr_expect_eq(parse_log_limits({"json-file", {{"max-size", "10m"}}}).value().max_size, 10'000'000);
    cr_expect_eq(parse_log_limits({"json-file", {{"max-size", "2kb"}}}).value().max_size, 2'000);
    cr_expect_eq(parse_log_limits({"json-file", {{"max-size", "-1"}}}).value().max_size, -1);
    cr_expect_eq(parse_log_limits({"json-file", {}}).value().max_size, 10'000'000);
    cr_expect(!parse_log_limits({"json-file", {{"max-size", "ten"}}}).ok());
}

Test(container_log_writer, tags_take_dockers_fields) {
    Definition definition = definition_with({});
    definition.name = "web";
    definition.config.image = "nginx:1";
    const std::string tag = log_tag(definition, "{{.Name}}/{{.ID}} of {{.ImageName}}");
    cr_assert_str_eq(tag.c_str(), "web/bbbbbbbbbbbb of nginx:1");
}

Test(container_log_writer, lines_travel_through_a_queue_unchanged) {
    const LogLine lines[] = {{LogStream::output, "one\n", false, Moment{5}, {}},
                             {LogStream::error_output, std::string_view("\0\xff", 2), true, Moment{-7}, "web"},
                             {LogStream::output, "", false, Moment{9}, {}}};
    std::string packet;
    for (const LogLine& line : lines) append_packed(packet, line);
    std::string_view rest = packet;
    for (const LogLine& line : lines) {
        const auto read = take_packed(rest);
        cr_assert(read.has_value());
        cr_expect(read->stream == line.stream && read->text == line.text && read->is_part == line.is_part);
        cr_expect(read->time == line.time && read->process == line.process);
    }
    cr_expect(!take_packed(rest).has_value());
    cr_expect(rest.empty());
}

Test(container_log_writer, only_a_mode_that_asks_for_it_has_a_queue_and_only_files_need_one) {
    const auto bytes = [](std::string type, TextMap options) { return queue_bytes_of({std::move(type), std::move(options)}).value_or(-1); };
    cr_expect_eq(bytes("json-file", {}), -1);
    cr_expect_eq(bytes("json-file", {{"mode", "blocking"}}), -1);
    cr_expect_eq(bytes("json-file", {{"mode", "non-blocking"}}), 1 << 20);
    cr_expect_eq(bytes("local", {{"mode", "non-blocking"}, {"max-buffer-size", "4m"}}), 4 << 20);
    cr_expect_eq(bytes("syslog", {{"mode", "non-blocking"}}), -1, "its socket never blocks");
}

Test(container_log_writer, a_queue_is_refused_as_docker_refuses_it) {
    const auto told = [](TextMap options) {
        const auto checked = check_log_config({"json-file", std::move(options)});
        return checked.ok() ? std::string() : checked.error().text();
    };
    cr_expect(told({{"mode", "non-blocking"}, {"max-buffer-size", "64k"}}).empty());
    const std::string without_mode = told({{"max-buffer-size", "64k"}});
    cr_expect_str_eq(without_mode.c_str(), "log option max-buffer-size is for mode=non-blocking only");
    const std::string limitless = told({{"mode", "non-blocking"}, {"max-buffer-size", "-1"}});
    cr_expect_str_eq(limitless.c_str(), "log option max-buffer-size: there must be a limit");
}
