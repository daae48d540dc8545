#include "builder/outputs.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "builder/layer_writer.h"
#include "builder/source.h"
#include "builder/text.h"
#include "image/archive.h"
#include "image/tar_writer.h"

namespace berth::builder {
namespace {

using Type = Output::Type;

Result<Type> parse_type(const std::string& text) {
    if (text == "image") return Type::image;
    if (text == "local") return Type::local;
    if (text == "tar") return Type::tar;
    if (text == "oci") return Type::oci;
    if (text == "docker") return Type::docker;
    if (text == "cacheonly") return Type::cache_only;
    return Error(Kind::invalid, cat("--output: unknown type '", text, "'", suggestion(text, {"image", "local", "tar", "oci", "docker", "cacheonly"})));
}

Result<bool> parse_flag(std::string_view key, const std::string& value) {
    if (value == "true" || value == "1" || value.empty()) return true;
    if (value == "false" || value == "0") return false;
    return Error(Kind::invalid, cat(key, "=", value, ": expected true or false"));
}

Result<void> set_output_field(Output& output, const std::string& field) {
    const Cut parts = cut(field, '=');
    const std::string value(parts.after.value_or(""));
    if (parts.before == "type" && value == "registry") output.pushes = true;
    else if (parts.before == "type") output.type = TRY(parse_type(value));
    else if (parts.before == "dest") output.destination = value;
    else if (parts.before == "mode" && (value == "copy" || value == "delete")) output.deletes = value == "delete";
    else if (parts.before == "push") output.pushes = TRY(parse_flag("push", value));
    // What is the case anyway.
    else if (field == "compression=uncompressed" || field == "tar=true" || field == "oci-mediatypes=true" || field == "unpack=true" || field == "store=true") return {};
    else return Error(Kind::unsupported, cat("'", field, "' is not supported"));
    return {};
}

Result<Output> parse_output(const std::string& text) {
    Output output;
    if (text.find('=') == std::string::npos) {
        output.type = text == "-" ? Type::tar : Type::local;
        output.destination = text;
        return output;
    }
    const auto fields = split_csv(text);
    if (!fields) return Error(Kind::invalid, cat("--output '", text, "': a quote stands wrong"));
    for (const std::string& field : *fields) TRY(set_output_field(output, field), "--output '", text, "'");
    if (output.destination.empty() && output.type == Type::local) return Error(Kind::invalid, cat("--output '", text, "': dest is required for type=local"));
    if (output.destination.empty() && (output.type == Type::tar || output.type == Type::oci)) output.destination = "-";
    // type=docker without a file is what the store does anyway.
    if (output.destination.empty() && output.type == Type::docker) output.type = Type::image;
    if (output.pushes && output.type != Type::image) return Error(Kind::invalid, cat("--output '", text, "': only type=image and type=registry can be pushed"));
    return output;
}

/// A file that appears under its name when it is whole, or stdout.
class Target {
public:
    static Result<Target> open(const std::string& destination) {
        Target target;
        target.destination_ = destination;
        if (destination == "-") {
            if (::isatty(STDOUT_FILENO) == 1) return Error(Kind::invalid, "refusing to write an archive to a terminal").with_hint("redirect it, or give dest=FILE");
            target.file_ = Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
            return target;
        }
        target.file_ = TRY(sys::open(cat(destination, ".part"), O_WRONLY | O_CREAT | O_TRUNC, 0644), "--output");
        return target;
    }
    const Fd& file() const { return file_; }
    Result<void> finish() {
        TRY(file_.close(), "--output ", destination_);
        if (destination_ == "-") return {};
        return sys::renameat(sys::here(), cat(destination_, ".part"), sys::here(), destination_);
    }

private:
    std::string destination_;
    Fd file_;
};

/// The merged tree into a folder of the user's, owned by the user who builds.
Result<void> write_local(const Session& session, const Output& output, const StageState& state) {
    if (output.deletes) TRY(remove_tree(sys::here(), output.destination), "--output ", output.destination);
    TRY(make_host_folders(output.destination, 0755));
    const Root view = TRY(open_view(session.store, state.layers));
    const Root target = TRY(Root::open(output.destination));
    std::vector<Selection> selections = TRY(select_source({view, nullptr, "the result"}, {"/", false, nullptr}));
    NewAttributes attributes;
    attributes.owner = Owner{::getuid(), ::getgid()};
    LayerWriter writer(target, nullptr, attributes);
    for (const SourceEntry& entry : selections.front().entries) {
        if (entry.path.empty()) continue;
        const LayerWriter::Entry what{view, entry.path, entry.status, entry.link, false};
        TRY(S_ISDIR(entry.status.st_mode) ? writer.put_folder(what, entry.path) : writer.put_other(what, entry.path));
    }
    return writer.finish();
}

Result<void> write_tar(const Session& session, const Output& output, const StageState& state) {
    Target target = TRY(Target::open(output.destination));
    const Root view = TRY(open_view(session.store, state.layers));
    const Fd top = TRY(view.open_beneath("/", O_RDONLY | O_DIRECTORY));
    image::FdSink sink(target.file());
    image::TarWriter writer(sink);
    TRY(image::write_tree(top, writer, {}));
    TRY(writer.finish());
    TRY(sink.flush());
    return target.finish();
}

Result<void> write_archive(const Session& session, const Output& output, const image::ImageId& id, const std::vector<image::Reference>& tags) {
    Target target = TRY(Target::open(output.destination));
    TRY(image::save_image(session.store, id, tags, target.file()));
    return target.finish();
}

}  // namespace

std::string Output::step_name() const {
    switch (type) {
        case Type::image: return "exporting to image";
        case Type::local: return "exporting to client directory";
        case Type::tar: return "exporting to client tarball";
        case Type::oci: return "exporting to oci image format";
        case Type::docker: return "exporting to docker image format";
        case Type::cache_only: break;
    }
    return "keeping the cache only";
}

Result<std::vector<Output>> parse_outputs(const BuildOptions& options) {
    std::vector<Output> outputs;
    for (const std::string& text : options.outputs) {
        Output output = TRY(parse_output(text));
        outputs.push_back(std::move(output));
    }
    if (outputs.empty()) outputs.emplace_back();
    if (options.push) {
        const auto image = std::find_if(outputs.begin(), outputs.end(), [](const Output& output) { return output.type == Type::image; });
        if (image == outputs.end()) return Error(Kind::invalid, "--push needs the image in the store: leave --output out, or add --output type=image");
        image->pushes = true;
    }
    const bool pushes = std::any_of(outputs.begin(), outputs.end(), [](const Output& output) { return output.pushes; });
    if (pushes && options.tags.empty()) return Error(Kind::invalid, "tag is needed when pushing to registry").with_hint("name the image with -t");
    return outputs;
}

Result<void> write_output(const Session& session, const Output& output, const StageState& state, const std::optional<image::ImageId>& id,
                          const std::vector<image::Reference>& tags) {
    switch (output.type) {
        case Type::local: return write_local(session, output, state);
        case Type::tar: return write_tar(session, output, state);
        case Type::oci:
        case Type::docker: return write_archive(session, output, *id, tags);
        case Type::image:
        case Type::cache_only: break;
    }
    return {};
}

}  // namespace berth::builder
