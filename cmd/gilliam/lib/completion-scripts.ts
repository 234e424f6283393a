/** The scripts only ask `gilliam __complete`: they never have to be made again. */
export const completionScripts: Readonly<Record<'bash' | 'zsh' | 'fish', string>> = {
  bash: `_gilliam() {
  local IFS=$'\\n'
  COMPREPLY=($(gilliam __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -F _gilliam gilliam
`,
  zsh: `#compdef gilliam
_gilliam() {
  local -a found
  found=("\${(@f)$(gilliam __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -S '' -- \${(M)found:#*=}
  compadd -- \${found:#(*=|)}
}
compdef _gilliam gilliam
`,
  fish: `complete -c gilliam -f -a '(gilliam __complete -- (commandline -opc)[2..] "$(commandline -ct)" 2>/dev/null)'
`,
};
