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
      :files) compopt -o default 2>/dev/null; continue ;;
      :nospace) compopt -o nospace 2>/dev/null; continue ;;
    esac
    # Within an open quote bash quotes by itself.
    case $word in [\\'\\"]*) ;; *) printf -v line %q "$line" ;; esac
    COMPREPLY+=("$line")
  done < <(zk __complete --line "\${COMP_LINE:0:COMP_POINT}" --word "$word" 2>/dev/null)
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
  done < <(zk __complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)
  [[ -n $files ]] && _files
  if (( $#offered )); then
    if [[ -n $nospace ]]; then compadd -S '' -- "\${offered[@]}"; else compadd -- "\${offered[@]}"; fi
  fi
}
if [[ $funcstack[1] == _zk ]]; then _zk; else compdef _zk zk; fi
`,
  fish: `# fish completion for zk:  zk completion fish | source
function __zk_complete
    for line in (zk __complete --line (commandline -cp | string collect) 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
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
    $length = $position - $ast.Extent.StartOffset
    $line = $ast.ToString().PadRight($length).Substring(0, $length)
    zk __complete --line $line 2>$null | Where-Object { $_ -notmatch '^:' } | ForEach-Object {
        $text = if ($_ -match '[^\\w/.:=+-]') { "'" + $_.Replace("'", "''") + "'" } else { $_ }
        [System.Management.Automation.CompletionResult]::new($text, $_, 'ParameterValue', $_)
    }
}
`,
};
