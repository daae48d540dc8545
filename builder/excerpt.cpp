#include <algorithm>

#include "builder/dockerfile.h"
#include "builder/lexer.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

constexpr int lines_around = 2;

std::string dump_node(const Node& node) {
    std::string out = node.keyword;
    if (!node.flags.empty()) {
        out += " [";
        for (std::size_t i = 0; i < node.flags.size(); ++i) out += cat(i > 0 ? " " : "", quote(node.flags[i]));
        out += ']';
    }
    for (const Node& inner : node.nested) out += cat(" (", dump_node(inner), ')');
    for (const std::string& word : node.words) out += cat(' ', quote(word));
    return out;
}

}  // namespace

std::string dump_tree(const Dockerfile& file) {
    std::string out;
    for (const Node& node : file.nodes) out += cat('(', dump_node(node), ")\n");
    return out;
}

std::string make_excerpt(const Dockerfile& file, int first, int last) {
    const std::string bar(20, '-');
    std::string out = cat(file.name, ':', first, '\n', bar, '\n');
    LineReader reader(file.source);
    while (!reader.at_end()) {
        const auto line = reader.next();
        if (!line.ok()) break;
        const int number = reader.line();
        if (number < first - lines_around || number > last + lines_around) continue;
        std::string digits = cat(number);
        digits.insert(0, digits.size() < 4 ? 4 - digits.size() : 0, ' ');
        out += cat(digits, " | ", number >= first && number <= last ? ">>> " : "    ", trim_line_end(line.value()), '\n');
    }
    return out + bar + '\n';
}

}  // namespace berth::builder
