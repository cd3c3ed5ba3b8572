/** What a shell has to run so that it asks `zk __complete`. Paths are offered without a blank behind them: more may follow. */

export const SHELLS = ["bash", "zsh", "fish", "pwsh"] as const;
export type Shell = (typeof SHELLS)[number];

export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for zk:  source <(zk completion bash)
_zk() {
  local line word=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default 2>/dev/null ;;
      :nospace) compopt -o nospace 2>/dev/null ;;
      *) COMPREPLY+=("$(printf %q "$line")") ;;
    esac
  done < <(zk __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)
}
complete -F _zk zk
`,
  zsh: `#compdef zk
# zsh completion for zk:  source <(zk completion zsh), or as a file _zk in a folder of $fpath
_zk() {
  local -a offered
  local line nospace files
  while IFS= read -r line; do
    case $line in
      :files) files=1 ;;
      :nospace) nospace=1 ;;
      *) offered+=("$line") ;;
    esac
  done < <(zk __complete -- "\${(@)words[2,CURRENT-1]}" "\${words[CURRENT]}" 2>/dev/null)
  [[ -n $files ]] && _files
  if (( $#offered )); then
    if [[ -n $nospace ]]; then compadd -S '' -- "\${offered[@]}"; else compadd -- "\${offered[@]}"; fi
  fi
}
if [[ $funcstack[1] == _zk ]]; then _zk; else compdef _zk zk; fi
`,
  fish: `# fish completion for zk:  zk completion fish | source
function __zk_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    for line in (zk __complete -- $before[2..-1] "$word" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path $word
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c zk -f -a '(__zk_complete)'
`,
  pwsh: `# PowerShell completion for zk:  zk completion pwsh | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName zk -ScriptBlock {
    param($word, $ast, $position)
    $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    if ($word -ne '' -and $words.Count -gt 0) { $words = @($words | Select-Object -SkipLast 1) }
    zk __complete -- @words "$word" 2>$null | Where-Object { $_ -notmatch '^:' } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
`,
};
