// SPDX-License-Identifier: Apache-2.0
#include "cli/manual.h"

#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

std::vector<const CLI::App*> children(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "brim share scan".
std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

std::string with_dashes(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '-');
  return text;
}

// Text as troff: backslashes, dashes, and a leading dot or quote are special.
std::string escaped(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_start = c == '\n';
  }
  return out;
}

// {"text", "json"} of an option checked against a list; empty for others.
std::vector<std::string> fixed_values(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  const std::size_t close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  const std::string list = type.substr(open + 1, close - open - 1);
  std::vector<std::string> values;
  for (const std::string_view value : split(list, ',')) values.emplace_back(trim(value));
  return values;
}

std::string value_name(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return {};
  const auto values = fixed_values(option);
  if (!values.empty()) return fmt::format("{}", fmt::join(values, "|"));
  std::string type = option.get_type_name();
  type = type.substr(0, type.find(':'));
  return type.empty() ? "VALUE" : type;
}

std::string option_heading(const CLI::Option& option) {
  if (option.get_positional()) return "\\fI" + escaped(value_name(option)) + "\\fR";
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("\\fB\\-" + name + "\\fR");
  for (const std::string& name : option.get_lnames())
    names.push_back("\\fB\\-\\-" + escaped(name) + "\\fR");
  std::string heading = fmt::format("{}", fmt::join(names, ", "));
  if (const std::string value = value_name(option); !value.empty())
    heading += " \\fI" + escaped(value) + "\\fR";
  return heading;
}

std::string options_of(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    out += fmt::format(".TP\n{}\n{}", option_heading(*option), escaped(option->get_description()));
    if (const std::string value = option->get_default_str(); !value.empty() && value != "\"\"")
      out += fmt::format(" (default: {})", escaped(value));
    out += ".\n";
  }
  return out;
}

std::string commands_of(const CLI::App& app) {
  std::string out;
  for (const CLI::App* child : children(app))
    out += fmt::format(".TP\n.BR {} (1)\n{}.\n", escaped(with_dashes(path_of(*child))),
                       escaped(child->get_description()));
  return out;
}

std::string synopsis_of(const CLI::App& app) {
  std::string line = ".B " + escaped(path_of(app)) + "\n";
  if (!children(app).empty()) line += ".I command\n";
  line += "[options]\n";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional())
      line += fmt::format("\\fI{}\\fR{}\n", escaped(value_name(*option)),
                          option->get_items_expected_max() > 1 ? "..." : "");
  }
  return line;
}

std::string page_of(const CLI::App& app, const std::string& version, const std::string& date) {
  const std::string name = with_dashes(path_of(app));
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string page =
      fmt::format(".TH \"{}\" 1 \"{}\" \"{}\" \"brim manual\"\n", title, date, version);
  page += fmt::format(".SH NAME\n{} \\- {}\n", escaped(name), escaped(app.get_description()));
  page += ".SH SYNOPSIS\n" + synopsis_of(app);
  if (const std::string commands = commands_of(app); !commands.empty())
    page += ".SH COMMANDS\n" + commands;
  page += ".SH OPTIONS\n" + options_of(app);
  const std::string footer = app.get_footer();
  const std::size_t example = footer.find("Example:");
  if (example != 0 && !footer.empty())
    page += ".SH NOTES\n" + escaped(trim(footer.substr(0, example))) + "\n";
  if (example != std::string::npos)
    page += ".SH EXAMPLES\n.nf\n" + escaped(footer.substr(example + 9)) + "\n.fi\n";
  page +=
      ".SH EXIT STATUS\n0 done; 1 done but a check fell short; 2 bad input or usage; 3 something "
      "needed is missing here; 130 interrupted.\n";
  if (app.get_parent() != nullptr) page += ".SH SEE ALSO\n.BR brim (1)\n";
  return page;
}

void add_pages(const CLI::App& app, const std::string& version, const std::string& date,
               std::map<std::string, std::string>& pages) {
  pages[with_dashes(path_of(app)) + ".1"] = page_of(app, version, date);
  for (const CLI::App* child : children(app)) add_pages(*child, version, date, pages);
}

// One case of the completion: what may follow the words of this command.
void add_completion_case(const CLI::App& app, const std::vector<std::string>& inherited,
                         std::string& words, std::string& values) {
  std::vector<std::string> candidates = inherited;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) candidates.push_back("--" + name);
    const auto fixed = fixed_values(*option);
    if (fixed.empty()) continue;
    for (const std::string& name : option->get_lnames())
      values += fmt::format("    '{} --{}') choices='{}' ;;\n", path_of(app), name,
                            fmt::join(fixed, " "));
    if (option->get_positional()) candidates.insert(candidates.end(), fixed.begin(), fixed.end());
  }
  std::vector<std::string> own;  // options of the program are known to its commands too
  if (app.get_parent() == nullptr) own = candidates;
  for (const CLI::App* child : children(app)) candidates.push_back(child->get_name());
  words += fmt::format("    '{}') choices='{}' ;;\n", path_of(app), fmt::join(candidates, " "));
  for (const CLI::App* child : children(app))
    add_completion_case(*child, app.get_parent() == nullptr ? own : inherited, words, values);
}

std::string command_paths(const CLI::App& app) {
  std::string out;
  for (const CLI::App* child : children(app))
    out += "|'" + path_of(*child) + "'" + command_paths(*child);
  return out;
}

}  // namespace

std::map<std::string, std::string> man_pages(const CLI::App& program, const std::string& version,
                                             const std::string& date) {
  std::map<std::string, std::string> pages;
  add_pages(program, version, date, pages);
  return pages;
}

std::string bash_completion(const CLI::App& program) {
  std::string words;
  std::string values;
  add_completion_case(program, {}, words, values);
  const std::string& name = program.get_name();
  return fmt::format(R"(# bash completion for {0}; generated from the program's options
_{0}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command={0} word choices=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$command $word" in
    {1}) command="$command $word" ;;
    esac
  done
  case "$command $previous" in
{2}  esac
  if [ -z "$choices" ]; then
    case "$command" in
{3}    esac
  fi
  COMPREPLY=($(compgen -W "$choices" -- "$current"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _{0} {0}
)",
                     name, command_paths(program).substr(1), values, words);
}

}  // namespace brim::cli
