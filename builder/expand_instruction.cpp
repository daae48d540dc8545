// Which parts of an instruction hold variables. Every part sees the state before the instruction.

#include "builder/expose.h"
#include "builder/state.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

class InstructionExpander {
public:
    InstructionExpander(const StageState& state, const StateContext& context, std::set<std::string>* unset)
        : lookup_(state.variables.lookup()), escape_(context.escape), unset_(unset) {}

    Result<void> operator()(Env& env) { return pairs(env.pairs); }
    Result<void> operator()(Label& label) { return pairs(label.pairs); }
    Result<void> operator()(User& user) { return word(user.user); }
    Result<void> operator()(Workdir& workdir) { return word(workdir.path); }
    Result<void> operator()(Stopsignal& signal) { return word(signal.signal); }
    Result<void> operator()(Volume& volume) { return words(volume.paths); }

    Result<void> operator()(Expose& expose) {
        std::vector<std::string> ports;
        for (const std::string& written : expose.ports) {
            Expanded done = TRY(replace(written, {.escape = escape_}));
            ports.insert(ports.end(), done.words.begin(), done.words.end());
        }
        expose.ports = std::move(ports);
        return {};
    }

    Result<void> operator()(Copy& copy) {
        TRY(words(copy.sources));
        for (std::string* text : {&copy.destination, &copy.chown, &copy.chmod, &copy.checksum}) TRY(word(*text));
        for (Heredoc& document : copy.documents) {
            if (!document.expands) continue;
            // A body is no word: its quotes are characters, and its escape is the shell's.
            Expanded done = TRY(replace(document.content, {.escape = '\\', .quotes = Quotes::ignore}));
            document.content = std::move(done.text);
        }
        return {};
    }

    /// `--mount=type=cache,target=$DIR`: the values, not the names; from= was checked to have none.
    Result<void> operator()(Run& run) {
        for (std::string& mount : run.mounts) {
            auto fields = split_csv(mount);
            if (!fields) return Error(Kind::invalid, cat("--mount '", mount, "': a quote stands wrong"));
            for (std::string& field : *fields) TRY(mount_field(field));
            mount = join_csv(*fields);
        }
        return {};
    }

    template <class Other>
    Result<void> operator()(Other&) {
        return {};
    }

private:
    Result<Expanded> replace(const std::string& text, const ExpandOptions& options) {
        Expanded done = TRY(expand(text, lookup_, options), "'", text, "'");
        if (unset_ != nullptr) unset_->merge(std::set<std::string>(done.unset));
        return done;
    }
    Result<void> word(std::string& text) {
        if (text.empty()) return {};
        Expanded done = TRY(replace(text, {.escape = escape_}));
        text = std::move(done.text);
        return {};
    }
    Result<void> words(std::vector<std::string>& texts) {
        for (std::string& text : texts) TRY(word(text));
        return {};
    }
    Result<void> pairs(std::vector<KeyValue>& pairs) {
        for (KeyValue& pair : pairs) {
            TRY(word(pair.key));
            if (pair.value) TRY(word(*pair.value));
        }
        return {};
    }
    Result<void> mount_field(std::string& field) {
        const Cut parts = cut(field, '=');
        if (!parts.after || to_lower(parts.before) == "from") return {};
        std::string value(*parts.after);
        TRY(word(value));
        field = cat(parts.before, '=', value);
        return {};
    }
    static std::string join_csv(std::vector<std::string> fields) {
        for (std::string& field : fields) {
            if (field.find_first_of(",\"") == std::string::npos) continue;
            std::string quoted = "\"";
            for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
            field = quoted + '"';
        }
        return join(fields, ",");
    }

    Lookup lookup_;
    char escape_;
    std::set<std::string>* unset_;
};

}  // namespace

Result<Instruction> expand_instruction(const Instruction& instruction, const StageState& state, const StateContext& context,
                                       std::set<std::string>* unset) {
    Instruction copy = instruction;
    InstructionExpander expander(state, context, unset);
    TRY(std::visit(expander, copy.what));
    return copy;
}

}  // namespace berth::builder
