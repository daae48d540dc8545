// stats and top: what containers use, and their processes (docker: the same).

#include <algorithm>
#include <map>

#include <poll.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/stats_text.h"
#include "cli/texts.h"
#include "container/top.h"

namespace berth::cli {
namespace {

struct StatsOptions {
    bool all = false, no_stream = false, no_trunc = false;
    std::string format;
};

using Readings = std::map<std::string, container::StatsReading>;

Result<std::vector<container::Record>> chosen(container::Engine& engine, const StatsOptions& options, const Words& names) {
    std::vector<container::Record> records;
    for (const std::string& name : names) records.push_back(TRY(container::find(engine, name)));
    if (!names.empty()) return records;
    records = TRY(container::list(engine));
    if (!options.all) std::erase_if(records, [](const auto& record) { return !record.run.state.running(); });
    return records;
}

Json make_stats_row(const container::Record& record, const container::StatsReading* before,
                    const std::optional<container::StatsReading>& now, bool whole, const std::string* named) {
    const std::string id = whole ? record.id() : std::string(record.short_id());
    const StatsTexts texts = stats_texts(before, now);
    return make_row({{"Container", named == nullptr ? id : *named},
                     {"ID", id},
                     {"Name", record.name()},
                     {"CPUPerc", texts.cpu},
                     {"MemUsage", texts.memory},
                     {"MemPerc", texts.memory_percent},
                     {"NetIO", texts.network},
                     {"BlockIO", texts.block},
                     {"PIDs", texts.processes}});
}

Result<std::string> stats_text(container::Engine& engine, const StatsOptions& options,
                               const std::vector<container::Record>& records, const Words& names, Readings& readings) {
    std::vector<Json> rows;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const container::Record& record = records[i];
        const auto now = TRY(container::read_stats(engine, record));
        const auto before = readings.find(record.id());
        rows.push_back(make_stats_row(record, before == readings.end() ? nullptr : &before->second, now, options.no_trunc, names.empty() ? nullptr : &names[i]));
        if (now) readings.insert_or_assign(record.id(), *now);
    }
    ListingOptions listing;
    listing.format = options.format;
    listing.columns = {{"ID", "CONTAINER ID"}, {"Name", "NAME"},     {"CPUPerc", "CPU %"},     {"MemUsage", "MEM USAGE / LIMIT"},
                       {"MemPerc", "MEM %"},   {"NetIO", "NET I/O"}, {"BlockIO", "BLOCK I/O"}, {"PIDs", "PIDS"}};
    listing.more_headers = {{"Container", "CONTAINER"}};
    return listing_text(listing, rows);
}

Result<int> stats(Session& session, const StatsOptions& options, const Words& names) {
    container::Engine* engine = TRY(session.engine());
    Readings readings;
    std::vector<container::Record> records = TRY(chosen(*engine, options, names));
    // A share of processors needs two readings; docker waits a second for them, a tenth tells as much.
    for (const container::Record& record : records)
        if (const auto first = TRY(container::read_stats(*engine, record))) readings.insert_or_assign(record.id(), *first);
    if (!readings.empty()) ::poll(nullptr, 0, 100);
    if (options.no_stream) return print(TRY(stats_text(*engine, options, records, names, readings))), 0;
    const bool redraws = is_terminal(STDOUT_FILENO);
    for (;;) {
        const std::string text = TRY(stats_text(*engine, options, records, names, readings));
        if (redraws) pass_on(STDOUT_FILENO, "\x1b[2J\x1b[H");
        print(text);
        ::poll(nullptr, 0, 1000);
        if (names.empty()) records = TRY(chosen(*engine, options, names));
        // A container that was asked for by name and is gone ends nothing: its row shows "--".
    }
}

}  // namespace

Action define_stats(Parser& p) {
    const auto options = std::make_shared<StatsOptions>();
    p.usage("[CONTAINER...]", 0, -1, Values::running);
    p.flag("-a,--all", options->all, "Show those that do not run, too");
    describe_format(p, options->format);
    p.flag("--no-stream", options->no_stream, "Show once and end");
    p.flag("--no-trunc", options->no_trunc, "Show ids in full");
    p.about("Shows processor time, memory, network and disk use of containers, again each second.");
    p.example("berth stats --no-stream", "once");
    p.see_also("top, dash, system df");
    return [options](Session& session, const Words& arguments) {
        take_configured_format(options->format, "statsFormat");
        return stats(session, *options, arguments);
    };
}

Action define_top(Parser& p) {
    p.usage("CONTAINER [PS-OPTIONS...]", 1, -1, Values::running);
    p.options_end_at_first_word();
    p.about("Shows the processes of a container with the host's pids. What stands behind the container is options of ps.");
    p.example("berth top web -o pid,rss,args", "other columns");
    p.see_also("stats, exec");
    return [](Session& session, const Words& arguments) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const container::Record record = TRY(container::find(*engine, arguments[0]));
        const auto found = TRY(container::top(*engine, record, Words(arguments.begin() + 1, arguments.end())));
        Table table(found.titles);
        for (const auto& row : found.rows) table.add(row);
        print(table.text());
        return 0;
    };
}

}  // namespace berth::cli
