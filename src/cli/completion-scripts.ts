/** Scripts that ask the program itself, by `__complete`, what may follow. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', program: string): string {
  const name = program.replace(/\W/g, '_');
  if (shell === 'bash') return bashScript(program, name);
  return shell === 'zsh' ? zshScript(program, name) : fishScript(program, name);
}

function bashScript(program: string, name: string): string {
  return `# bash completion for ${program}
_${name}_complete() {
    local line IFS=$'\\n'
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("\${line%%$'\\t'*}")
    done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _${name}_complete ${program}
`;
}

function zshScript(program: string, name: string): string {
  return `#compdef ${program}
_${name}() {
    local -a candidates
    local line
    while IFS= read -r line; do
        candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
    (( \${#candidates} )) && _describe '${program}' candidates || _files
}
compdef _${name} ${program}
`;
}

function fishScript(program: string, name: string): string {
  return `# fish completion for ${program}
function __${name}_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c ${program} -a '(__${name}_complete)'
`;
}
