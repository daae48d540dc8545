// list and ps.

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "base/json.h"
#include "base/process.h"
#include "base/sys.h"
#include "cli/oci/commands.h"
#include "cli/oci/output.h"
#include "cli/oci/state.h"

namespace berth::cli {

namespace {

constexpr std::string_view columns[] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};
using Row = std::vector<std::string>;

std::string text_of(const Json& document, std::string_view name) {
    const Json* member = document.find(name);
    if (member == nullptr) return {};
    if (member->integer() != nullptr) return cat(*member->integer());
    return member->string() == nullptr ? "" : *member->string();
}

/// Columns as wide as their widest cell, three spaces apart, as runc's tabwriter (12 at least).
std::string table_text(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows[0].size(), 0);
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max({widths[i], row[i].size() + 3, std::size_t{12}});
    std::string out;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - row[i].size(), ' ');
        }
        out += "\n";
    }
    return out;
}

Row row_of(const Json& document) {
    return {text_of(document, "id"), text_of(document, "pid"), text_of(document, "status"), text_of(document, "bundle"),
            text_of(document, "created"), text_of(document, "owner")};
}

/// The place of "PID" in ps's heading.
Result<std::size_t> pid_column(const std::string& heading) {
    std::size_t column = 0;
    for (std::size_t at = 0; at < heading.size();) {
        const std::size_t start = heading.find_first_not_of(' ', at);
        if (start == std::string::npos) break;
        const std::size_t end = std::min(heading.find(' ', start), heading.size());
        if (heading.substr(start, end - start) == "PID") return column;
        ++column;
        at = end;
    }
    return Error(Kind::invalid, "couldn't find PID field in ps output");
}

std::string field_of(const std::string& line, std::size_t column) {
    std::size_t at = 0;
    for (;; --column) {
        const std::size_t start = line.find_first_not_of(' ', at);
        if (start == std::string::npos) return {};
        const std::size_t end = std::min(line.find(' ', start), line.size());
        if (column == 0) return line.substr(start, end - start);
        at = end;
    }
}

/// Our own ps, which reads /proc from outside: nothing of the container's is executed.
Result<std::string> run_ps(const Words& arguments) {
    sys::Pipe output = TRY(sys::pipe());
    SpawnOptions options;
    options.argv = {"ps"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.descriptors = {-1, output.write.raw(), 2};
    auto spawned = spawn("/usr/bin/ps", options);
    if (!spawned.ok()) spawned = spawn("/bin/ps", options);
    Child child = TRY(std::move(spawned), "ps");
    output.write.reset();
    std::string text;
    char buffer[8192];
    for (;;) {
        const std::size_t got = TRY(sys::read(output.read, buffer));
        if (got == 0) break;
        text.append(buffer, got);
    }
    const ExitStatus status = TRY(child.wait());
    if (status.shell_code() != 0) return Error(Kind::invalid, cat("ps: exit status ", status.shell_code()));
    return text;
}

Result<std::string> filter_ps(const std::string& text, const std::vector<pid_t>& pids) {
    const std::string heading = text.substr(0, text.find('\n'));
    const std::size_t column = TRY(pid_column(heading));
    std::string out = heading + "\n";
    for (std::size_t at = heading.size() + 1; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        const std::string pid = field_of(line, column);
        const bool wanted = std::any_of(pids.begin(), pids.end(), [&](pid_t known) { return pid == cat(known); });
        if (wanted) out += line + "\n";
    }
    return out;
}

}  // namespace

Result<int> oci_list(const OciCall& call) {
    Parser parser;
    std::string format = "table";
    bool quiet = false;
    parser.about(oci_about("list"));
    parser.usage("", 0, 0);
    parser.choice("-f,--format", format, "table|json", "select one of: table or json");
    parser.flag("-q,--quiet", quiet, "Print ids only");
    const auto words = TRY(read_words(parser, call, "list"));
    if (!words) return 0;
    if (call.globals.root_given && ::access(call.globals.root.c_str(), F_OK) != 0)
        return Error::of_errno(errno, cat("root ", call.globals.root));
    std::vector<Row> rows = {Row(std::begin(columns), std::end(columns))};
    Json documents{Json::Array{}};
    for (const OciContainer& container : list_containers(call.globals.root)) {
        if (quiet) {
            write_output(container.id() + "\n");
            continue;
        }
        Json document = TRY(container.describe());
        rows.push_back(row_of(document));
        documents.push_back(std::move(document));
    }
    if (quiet) return 0;
    // runc prints null for an empty list.
    if (format == "json") write_output(documents.array()->empty() ? "null\n" : json_text(documents) + "\n");
    else write_output(table_text(rows));
    return 0;
}

Result<int> oci_ps(const OciCall& call) {
    Parser parser;
    std::string format = "table";
    parser.options_end_at_first_word();
    parser.about(oci_about("ps"));
    parser.usage("CONTAINER-ID [PS OPTIONS]", 1, -1);
    parser.choice("-f,--format", format, "table|json", "select one of: table or json");
    const auto words = TRY(read_words(parser, call, "ps"));
    if (!words) return 0;
    const OciContainer container = TRY(OciContainer::open(call.globals.root, (*words)[0]));
    const auto group = container.cgroup();
    const std::vector<pid_t> pids = group ? TRY(group->pids()) : std::vector<pid_t>{};
    if (format == "json") {
        write_output(json_text(to_json(pids)) + "\n");
        return 0;
    }
    Words arguments(words->begin() + 1, words->end());
    if (arguments.empty()) arguments = {"-ef"};
    const std::string text = TRY(run_ps(arguments));
    const std::string shown = TRY(filter_ps(text, pids));
    write_output(shown);
    return 0;
}

}  // namespace berth::cli
