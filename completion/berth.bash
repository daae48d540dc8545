# bash completion for berth; install as /usr/share/bash-completion/completions/berth
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
