# fish completion for berth; install as /usr/share/fish/vendor_completions.d/berth.fish
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
