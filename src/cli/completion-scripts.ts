/** Scripts that ask the program itself, by `__complete`, what may follow. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', program: string): string {
  const name = program.replace(/\W/g, '_');
  if (shell === 'bash') return bashScript(program, name);
  return shell === 'zsh' ? zshScript(program, name) : fishScript(program, name);
}

/** Words are split here, since Bash splits them at colons too; of a candidate it takes what follows the last colon. */
function bashScript(program: string, name: string): string {
  return `# bash completion for ${program}
_${name}_complete() {
    local line typed=\${COMP_LINE:0:COMP_POINT} words current
    read -ra words <<<"$typed"
    [[ $typed == *[[:space:]] ]] && words+=('')
    current=\${words[-1]}
    COMPREPLY=()
    while IFS= read -r line; do
        line=\${line%%$'\\t'*}
        COMPREPLY+=("\${line#"\${current%"\${current##*[:=]}"}"}")
    done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
    [[ \${COMPREPLY[0]-} != *: ]] || compopt -o nospace
}
complete -o default -F _${name}_complete ${program}
`;
}

/** Works sourced and, when a file of the function path, at its first use. */
function zshScript(program: string, name: string): string {
  return `#compdef ${program}
_${name}() {
    local -a candidates
    local line
    while IFS= read -r line; do
        candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}\${\${(M)line%$'\\t'*}/$'\\t'/:}")
    done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
    (( \${#candidates} )) && _describe '${program}' candidates || _files
}
if [ "$funcstack[1]" = _${name} ]; then
    _${name}
else
    compdef _${name} ${program}
fi
`;
}

function fishScript(program: string, name: string): string {
  return `# fish completion for ${program}
function __${name}_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l candidates ($words[1] __complete -- $words[2..-1] "$typed" 2>/dev/null)
    if set -q candidates[1]
        printf '%s\\n' $candidates
    else
        __fish_complete_path "$typed"
    end
end
complete -c ${program} -f -a '(__${name}_complete)'
`;
}
