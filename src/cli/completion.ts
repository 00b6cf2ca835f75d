import type { OptionRow } from "./option-row.js";
import { commonRows, optionRows } from "./option-table.js";

/** Shells that the command can be completed in. */
export const completionShells = ["bash", "zsh", "fish"] as const;

/** One of {@link completionShells}. */
export type CompletionShell = (typeof completionShells)[number];

/** The words that come in the place of a host, and what each does. */
const COMMANDS: Readonly<Record<string, string>> = {
  get: "fetch a file",
  put: "store a file",
  completion: "print a completion script",
};

/** A script that teaches a shell to complete the command, made from the table of options. */
export function completionScript(shell: CompletionShell): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell]();
}

const HELP: OptionRow = {
  name: "help",
  short: "h",
  kind: { fromText: () => true, fromJson: () => true, schema: {} },
  help: "print this help",
  group: "Options",
};

/** The spellings of an option: `--name`, `-n`. */
function spellings({ name, short }: OptionRow): string[] {
  return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
}

function bashScript(): string {
  const names = (rows: readonly OptionRow[]): string =>
    [...rows, HELP].map(({ name }) => `--${name}`).join(" ");
  const values = optionRows.flatMap((row) =>
    row.placeholder === undefined
      ? []
      : [`    ${spellings(row).join("|")}) ${bashWords(row.kind.completion)} return ;;`],
  );
  return `# Completion of ntftp for bash: source <(ntftp completion bash)
_ntftp() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command= i
  COMPREPLY=()
  # The = of --name=value is a word of its own.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${Object.keys(COMMANDS).join("|")}) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $previous in
${values.join("\n")}
  esac
  case $command:$current in
    completion:*) mapfile -t COMPREPLY < <(compgen -W "${completionShells.join(" ")}" -- "$current") ;;
    :-*) mapfile -t COMPREPLY < <(compgen -W "${names(optionRows)}" -- "$current") ;;
    *:-*) mapfile -t COMPREPLY < <(compgen -W "${names(commonRows)}" -- "$current") ;;
    :*) mapfile -t COMPREPLY < <(compgen -W "${Object.keys(COMMANDS).join(" ")}" -- "$current") ;;
    *) ${bashWords("file")} ;;
  esac
}
complete -F _ntftp ntftp
`;
}

function bashWords(completion: OptionRow["kind"]["completion"]): string {
  const from = (words: string): string => `mapfile -t COMPREPLY < <(compgen ${words} -- "$current");`;
  if (completion === undefined) return "";
  if (completion === "file") return `compopt -o filenames 2>/dev/null; ${from("-f")}`;
  if (completion === "directory") return `compopt -o filenames 2>/dev/null; ${from("-d")}`;
  return from(`-W "${completion.join(" ")}"`);
}

function zshScript(): string {
  const specs = (rows: readonly OptionRow[]): string => rows.map((row) => `    ${zshSpec(row)}`).join("\n");
  const commands = Object.entries(COMMANDS).map(([name, help]) => `${name}\\:"${help}"`);
  return `#compdef ntftp
# Completion of ntftp for zsh: source <(ntftp completion zsh), or a file _ntftp in a folder of $fpath
_ntftp() {
  local state line
  local -a common main
  common=(
${specs([...commonRows, HELP])}
  )
  main=(
${specs(optionRows.filter((row) => !commonRows.includes(row)))}
  )
  _arguments -C $common $main '1: :->first' '*:: :->rest'
  case $state in
    first) _alternative 'commands:command:((${commands.join(" ")}))' 'hosts:host:_hosts' ;;
    rest)
      case $line[1] in
        get|put) _arguments $common '*:file:_files' ;;
        completion) _arguments '1:shell:(${completionShells.join(" ")})' ;;
      esac ;;
  esac
}
if [[ \${funcstack[1]} == _ntftp ]]; then
  _ntftp "$@"
else
  compdef _ntftp ntftp
fi
`;
}

function zshSpec(row: OptionRow): string {
  const help = row.help.replaceAll(/[[\]:\\]/g, "\\$&");
  const { completion } = row.kind;
  const words = typeof completion === "object" ? `(${completion.join(" ")})` : "";
  const action = completion === "file" ? "_files" : completion === "directory" ? "_files -/" : words;
  const gap = row.isValueOptional ? "::" : ":";
  const value = row.placeholder === undefined ? "" : `${gap}${row.placeholder}:${action}`;
  const [long, short] = [`--${row.name}`, row.short];
  const repeated = row.isRepeatable ? "*" : "";
  const equals = row.placeholder === undefined ? "" : "=";
  const plus = row.placeholder === undefined ? "" : row.isValueOptional ? "" : "+";
  const spec = zshQuote(`[${help}]${value}`);
  if (short === undefined) return `${zshQuote(`${repeated}${long}${equals}`)}${spec}`;
  const exclusive = row.isRepeatable ? "'*'" : zshQuote(`(-${short} ${long})`);
  return `${exclusive}{-${short}${plus},${long}${equals}}${spec}`;
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishScript(): string {
  const lines = [
    "# Completion of ntftp for fish: ntftp completion fish | source",
    "complete -c ntftp -f",
    `set -l commands ${Object.keys(COMMANDS).join(" ")}`,
  ];
  for (const [name, help] of Object.entries(COMMANDS)) {
    lines.push(
      `complete -c ntftp -n "not __fish_seen_subcommand_from $commands" -a ${name} -d ${fishQuote(help)}`,
    );
  }
  lines.push(
    `complete -c ntftp -n "__fish_seen_subcommand_from completion" -a "${completionShells.join(" ")}"`,
    `complete -c ntftp -n "__fish_seen_subcommand_from get put" -F`,
  );
  for (const row of [...commonRows, HELP])
    lines.push(fishOption(row, "not __fish_seen_subcommand_from completion"));
  for (const row of optionRows.filter((one) => !commonRows.includes(one)))
    lines.push(fishOption(row, "not __fish_seen_subcommand_from $commands"));
  return `${lines.join("\n")}\n`;
}

function fishOption(row: OptionRow, condition: string): string {
  const { completion } = row.kind;
  const words = ["complete -c ntftp", `-n "${condition}"`];
  if (row.short !== undefined) words.push(`-s ${row.short}`);
  words.push(`-l ${row.name}`, `-d ${fishQuote(row.help)}`);
  if (row.placeholder !== undefined) {
    if (completion === "file") words.push("-r -F");
    else if (completion === "directory") words.push('-x -a "(__fish_complete_directories)"');
    else if (completion === undefined) words.push("-x");
    else words.push(`-x -a "${completion.join(" ")}"`);
  }
  return words.join(" ");
}

function fishQuote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
