#include "cli/completion_scripts.h"

namespace berth::cli {
namespace {

constexpr std::string_view bash_script =
    R"script(# bash completion for berth; install as /usr/share/bash-completion/completions/berth
_berth() {
    local typed="${COMP_LINE:0:COMP_POINT}" word answer files=
    local -a words
    # bash parts words at ':' and '='; berth wants them as the shell would pass them.
    read -ra words <<<"$typed"
    [[ "$typed" == *[[:space:]] ]] && words+=("")
    word="${words[-1]}"
    COMPREPLY=()
    while IFS= read -r answer; do
        case "$answer" in
            :files) files=-f ;;
            :folders) files=-d ;;
            *) COMPREPLY+=("$answer") ;;
        esac
    done < <(berth __complete -- "${words[@]:1}" 2>/dev/null)
    # Only what stands behind the last ':' or '=' is replaced by bash.
    local cut="${word%"${word##*[:=]}"}" i
    if [[ -n "$cut" && "$COMP_WORDBREAKS" == *[:=]* ]]; then
        for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]="${COMPREPLY[i]#"$cut"}"; done
    fi
    # What is no file must not be quoted as one: "web:" would become "web\:".
    [[ -n "$files" && ${#COMPREPLY[@]} == 0 ]] && compopt -o filenames
    [[ -n "$files" ]] && while IFS= read -r answer; do COMPREPLY+=("$answer"); done < <(compgen $files -- "${COMP_WORDS[COMP_CWORD]}")
    [[ ${#COMPREPLY[@]} == 1 && "${COMPREPLY[0]}" == *: ]] && compopt -o nospace
    return 0
}
complete -F _berth berth
)script";

constexpr std::string_view zsh_script = R"script(#compdef berth
# zsh completion for berth; install as /usr/share/zsh/vendor-completions/_berth
_berth() {
    local -a answers names described open
    local answer
    answers=("${(@f)$(berth __complete --describe -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for answer in $answers; do
        case $answer in
            :files) _files ;;
            :folders) _files -/ ;;
            *$'\t'*) described+=("${${answer%%$'\t'*}//:/\\:}:${answer#*$'\t'}") ;;
            *:) open+=("$answer") ;;
            *) names+=("$answer") ;;
        esac
    done
    (( $#described )) && _describe -V berth described
    (( $#names )) && compadd -- $names
    # A path in a container goes on behind its colon.
    (( $#open )) && compadd -S '' -- $open
}
# Loaded by its name, this file is the function's first call.
if [[ $funcstack[1] == _berth ]]; then _berth "$@"; else compdef _berth berth; fi
)script";

constexpr std::string_view fish_script =
    R"script(# fish completion for berth; install as /usr/share/fish/vendor_completions.d/berth.fish
function __berth_complete
    set -l words (commandline -opc)[2..-1]
    set -l typed (commandline -ct)
    for answer in (berth __complete --describe -- $words "$typed" 2>/dev/null)
        switch $answer
            case ':files'
                __fish_complete_path "$typed"
            case ':folders'
                __fish_complete_directories "$typed"
            case '*'
                echo $answer
        end
    end
end
complete -c berth -f -a '(__berth_complete)'
)script";

}  // namespace

std::optional<std::string> completion_script(std::string_view shell) {
    if (shell == "bash") return std::string(bash_script);
    if (shell == "zsh") return std::string(zsh_script);
    if (shell == "fish") return std::string(fish_script);
    return std::nullopt;
}

}  // namespace berth::cli
