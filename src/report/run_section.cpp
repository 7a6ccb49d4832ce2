#include "run_section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "ancestry.hpp"
#include "assets.hpp"
#include "front.hpp"
#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/core/statistics.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/dot.hpp"
#include "hierevo/genome/live_edges.hpp"
#include "hierevo/report/graphviz.hpp"
#include "html.hpp"

namespace hierevo::report {

namespace {

using core::counted_text;
using core::duration_text;
using core::grouped_text;
using evolution::Evaluation;
using evolution::Individual;
using evolution::Status;

std::string grouped(std::size_t count) {
  return grouped_text(static_cast<std::int64_t>(count));
}

std::string time_text(std::int64_t unix_seconds) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return "unknown";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return text.data();
}

/// "0.9312", or "0.9312 ± 0.0021" over several repeats.
std::string fitness_text(const Evaluation& evaluation) {
  const auto& repeats = evaluation.repeat_fitness;
  if (repeats.size() < 2) return fmt::format("{:.4f}", evaluation.fitness);
  return fmt::format("{:.4f} ± {:.4f}", evaluation.fitness,
                     core::mean_and_deviation(repeats)->deviation.value());
}

std::size_t position_of(const RunData& run, const Individual& individual) {
  return static_cast<std::size_t>(&individual - run.history().data());
}

std::string state_of(const RunData& run) {
  return core::present_state(run.search.progress.state, run.running);
}

std::string fact(std::string_view name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", html::text(name), html::text(value));
}

std::string facts(const RunData& run) {
  const io::RunProgress& progress = run.search.progress;
  std::string text = "<dl class=\"facts\">\n";
  text += fact("State", state_of(run));
  text += fact("Evaluations", fmt::format("{} of {}", grouped(run.history().size()),
                                          grouped(run.search.options.evaluations)));
  if (const Individual* best = run.best()) {
    text += fact("Best fitness", fitness_text(best->evaluation));
    text += fact("Its parameters", grouped_text(best->evaluation.parameters));
  }
  text += fact("Time of searching", duration_text(progress.elapsed_seconds));
  if (progress.worker_seconds > 0.0) {
    text += fact("Evaluators busy",
                 fmt::format("{:.1f} % of the time", 100.0 * progress.utilisation()));
  }
  const auto reused = std::ranges::count_if(
      run.history(), [](const Individual& one) { return one.evaluation.status == Status::reused; });
  if (reused > 0) text += fact("Evaluations saved by reuse", grouped_text(reused));
  text += fact("Last saved", time_text(progress.unix_seconds));
  return text + "</dl>\n";
}

std::string failures(const RunData& run) {
  struct Kind {
    std::size_t count = 0;
    std::map<int, std::size_t> by_rank;
    std::string last_reason;
  };
  std::map<Status, Kind> kinds;
  for (const Individual& one : run.history()) {
    const Evaluation& evaluation = one.evaluation;
    const bool wanted =
        evaluation.status == Status::evaluated || evaluation.status == Status::reused;
    if (wanted) continue;
    Kind& kind = kinds[evaluation.status];
    ++kind.count;
    ++kind.by_rank[evaluation.worker];
    if (!evaluation.reason.empty()) kind.last_reason = evaluation.reason;
  }
  if (kinds.empty()) return "<p>No evaluation failed.</p>\n";
  std::vector<std::vector<html::Cell>> rows;
  for (const auto& [status, kind] : kinds) {
    constexpr std::size_t most_ranks = 8;
    std::string ranks;
    for (const auto& [rank, count] : kind.by_rank) {
      if (!evolution::is_failure(status)) continue;
      if (kind.by_rank.size() > most_ranks && !ranks.empty()) {
        ranks += fmt::format(", … ({} ranks)", kind.by_rank.size());
        break;
      }
      ranks += fmt::format("{}rank {}: {}", ranks.empty() ? "" : ", ", rank, grouped(count));
    }
    rows.push_back({{html::text(evolution::name(status))},
                    html::number(grouped(kind.count)),
                    {html::text(ranks)},
                    {html::text(kind.last_reason)}});
  }
  return html::table({"Outcome", "Candidates", "Where", "The last reason"}, rows);
}

std::string graph(const std::string& title, const std::string& dot, const std::string& label,
                  bool unused = false) {
  return fmt::format(
      "<figure class=\"graph{}\"><figcaption><h3>{}</h3></figcaption>"
      "<div class=\"scroll\">{}</div></figure>\n",
      unused ? " unused" : "", html::text(title), svg_of(dot, label));
}

/// "edges 1→2 conv 1×1, 1→3 identity", the text alternative of a drawn motif.
std::string edges_text(const genome::Genotype& genotype, int level, int motif) {
  const auto genes = genotype.motif(level, motif);
  std::string text;
  for (int to = 1; to < genotype.space().level(level).nodes; ++to) {
    for (int from = 0; from < to; ++from) {
      const genome::Gene gene = genes[genome::edge_index(to, from)];
      if (gene == genome::no_edge) continue;
      text += fmt::format("{}{}→{} {}", text.empty() ? "" : ", ", from + 1, to + 1,
                          genome::operation_text(level, gene));
    }
  }
  return text.empty() ? "no edges" : text;
}

std::string motif_rows(const genome::Genotype& genotype) {
  std::vector<std::vector<html::Cell>> rows;
  const genome::LiveEdges live(genotype);
  for (int level = genotype.space().top_level(); level >= 2; --level) {
    const std::vector<bool> used = live.used(level);
    for (int motif = 0; motif < genotype.space().level(level).motifs; ++motif) {
      const bool top = level == genotype.space().top_level();
      rows.push_back({{top ? "cell" : fmt::format("level {}, motif {}", level, motif + 1)},
                      {used[static_cast<std::size_t>(motif)] ? "" : "not used"},
                      {html::text(edges_text(genotype, level, motif))}});
    }
  }
  return html::table({"Motif", "", "Edges"}, rows);
}

std::string drawings(const genome::Genotype& genotype) {
  const genome::SearchSpace& space = genotype.space();
  const genome::LiveEdges live(genotype);
  std::string text = "<div class=\"graphs\">\n";
  for (int level = space.top_level(); level >= 2; --level) {
    const std::vector<bool> used = live.used(level);
    for (int motif = 0; motif < space.level(level).motifs; ++motif) {
      const bool top = level == space.top_level();
      const bool is_used = used[static_cast<std::size_t>(motif)];
      const std::string name = top ? "Cell" : fmt::format("Motif {}", motif + 1);
      const std::string of_level =
          space.top_level() > 3 && !top ? fmt::format(" of level {}", level) : "";
      text += graph(name + of_level + (is_used ? "" : " (not used)"),
                    genome::to_dot(genotype, level, motif),
                    fmt::format("{}: {}", name, edges_text(genotype, level, motif)), !is_used);
    }
  }
  const genome::CellGraph cell = genome::assemble(genotype);
  if (cell.valid()) {
    text += graph("The assembled cell", genome::to_dot(cell),
                  fmt::format("The assembled cell, {} operations", cell.nodes.size() - 1));
  }
  return text + "</div>\n";
}

std::string metrics_text(const evolution::Metrics& metrics) {
  if (metrics.empty()) return "";
  std::string text;
  for (const auto& [name, value] : metrics) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, value);
  }
  return "<p>Its metrics: " + html::text(text) + ".</p>\n";
}

std::string best_cell(const RunData& run, const Individual& best) {
  std::string text = fmt::format(
      "<p>Individual {}, found at evolution step {}: fitness {}, {} parameters, {} MACs for one "
      "image. Edges that are not on a path from the first node to the last are dashed.</p>\n",
      number(best.candidate.id), position_of(run, best) + 1,
      html::text(fitness_text(best.evaluation)), grouped_text(best.evaluation.parameters),
      grouped_text(best.evaluation.macs));
  text += metrics_text(best.evaluation.metrics);
  const genome::Genotype& genotype = best.candidate.genotype;
  if (can_draw_graphs()) {
    text += drawings(genotype);
    text +=
        "<details><summary>The edges as a table</summary>" + motif_rows(genotype) + "</details>\n";
  } else {
    text +=
        "<p class=\"note\">This hierevo was built without Graphviz, and draws no graphs: install "
        "libgraphviz-dev and build it again.</p>\n" +
        motif_rows(genotype);
  }
  return text;
}

std::string change_text(const ChangedEdge& change, int top_level) {
  const std::string where = change.level == top_level
                                ? "cell"
                                : fmt::format("level {}, motif {}", change.level, change.motif);
  return fmt::format("{}, edge {}→{}: {} → {}", where, change.from, change.to, change.before,
                     change.after);
}

std::string family(const RunData& run, const Individual& best) {
  const std::vector<Ancestor> line = ancestry(run.history(), position_of(run, best));
  const int top_level = best.candidate.genotype.space().top_level();
  std::vector<std::vector<html::Cell>> rows;
  double before = 0.0;
  for (const Ancestor& one : line) {
    const double fitness = one.individual->evaluation.fitness;
    std::string changes;
    for (const ChangedEdge& change : one.changes) {
      changes += (changes.empty() ? "" : "; ") + change_text(change, top_level);
    }
    if (changes.empty()) changes = rows.empty() ? "random genotype" : "the same genotype again";
    rows.push_back({html::number(fmt::format("{}", number(one.individual->candidate.id))),
                    html::number(grouped(one.step)),
                    {html::text(changes)},
                    html::number(fmt::format("{:.4f}", fitness)),
                    html::number(rows.empty() || fitness == before
                                     ? ""
                                     : fmt::format("{:+.4f}", fitness - before))});
    before = fitness;
  }
  return fmt::format("<p>The best individual has {}.</p>\n",
                     counted_text(line.size() - 1, "ancestor")) +
         html::table({"Individual", "Step", "What the mutation changed", "Fitness", "Change"},
                     rows);
}

std::string best_ten(const RunData& run, const std::string& prefix) {
  std::vector<const Individual*> best;
  for (const Individual& one : run.history()) {
    if (evolution::has_fitness(one.evaluation.status)) best.push_back(&one);
  }
  std::ranges::stable_sort(best, std::greater{},
                           [](const Individual* one) { return one->evaluation.fitness; });
  constexpr std::size_t most = 10;
  if (best.size() > most) best.resize(most);
  std::vector<std::vector<html::Cell>> rows;
  for (const Individual* one : best) {
    const auto id = number(one->candidate.id);
    const std::string box = fmt::format("{}genotype-{}", prefix, id);
    const std::string genotype = fmt::format(
        "<details><summary>JSON</summary><textarea id=\"{}\" readonly rows=\"6\" "
        "aria-label=\"Genotype of individual {}\">{}</textarea>"
        "<button class=\"copy\" data-from=\"{}\" hidden>Copy</button></details>",
        box, id, html::text(genome::json_text(one->candidate.genotype)), box);
    rows.push_back({html::number(fmt::format("{}", id)),
                    html::number(html::text(fitness_text(one->evaluation))),
                    html::number(grouped_text(one->evaluation.parameters)),
                    html::number(grouped_text(one->evaluation.macs)),
                    html::number(grouped(position_of(run, *one) + 1)),
                    {genotype}});
  }
  return html::table({"Individual", "Fitness", "Parameters", "MACs", "Step", "Genotype"}, rows);
}

/// Table 1 of the paper: errors on CIFAR-10's test set and on ImageNet's validation set, in
/// percent.
struct Published {
  const char* search;
  const char* cifar10;
  const char* imagenet;
};
constexpr std::array<Published, 7> published = {{
    {"flat, one random", "4.56 ± 0.11", "21.4 / 5.8"},
    {"flat, random search, 200", "4.02 ± 0.11", "20.8 / 5.7"},
    {"flat, evolution, 7,000", "3.92 ± 0.06", "20.6 / 5.6"},
    {"hierarchical, one random", "4.21 ± 0.11", "21.5 / 5.8"},
    {"hierarchical, random search, 200", "4.04 ± 0.2", "20.4 / 5.3"},
    {"hierarchical, random search, 7,000", "3.91 ± 0.15", "21.0 / 5.5"},
    {"hierarchical, evolution, 7,000", "3.75 ± 0.12", "20.3 / 5.2"},
}};

std::string trainings(const RunData& run) {
  std::vector<std::vector<html::Cell>> rows;
  for (const FinalTraining& training : run.trainings) {
    const auto accuracy = training.accuracy();
    std::string error = "not finished";
    if (accuracy) {
      error = fmt::format("{:.2f}", 100.0 * (1.0 - accuracy->top1));
      if (accuracy->top1_deviation)
        error += fmt::format(" ± {:.2f}", 100.0 * *accuracy->top1_deviation);
    }
    rows.push_back(
        {{html::text(training.name)},
         html::number(training.individual ? fmt::format("{}", number(*training.individual)) : ""),
         {html::text(training.model)},
         {html::text(training.data)},
         html::number(
             fmt::format("{} of {}", accuracy ? accuracy->repeats : 0, training.repeats.size())),
         html::number(error),
         html::number(accuracy && accuracy->top5
                          ? fmt::format("{:.2f}", 100.0 * (1.0 - *accuracy->top5))
                          : "")});
  }
  std::string text = html::table({"Training", "Individual", "Model", "Data", "Repeats finished",
                                  "Test error (%)", "Top-5 error (%)"},
                                 rows);
  std::vector<std::vector<html::Cell>> theirs;
  for (const Published& one : published) {
    theirs.push_back({{one.search}, html::number(one.cifar10), html::number(one.imagenet)});
  }
  text +=
      "<details><summary>Published results (Table 1 of the paper; all but the best "
      "row written down from memory), for comparison</summary>\n" +
      html::table({"Search", "CIFAR-10 error (%)", "ImageNet top-1 / top-5 error (%)"}, theirs) +
      "</details>\n";
  return text;
}

std::string machine(const RunData& run) {
  if (!run.ranks) return "<p>Which ranks took part was not recorded.</p>\n";
  std::vector<std::vector<html::Cell>> rows;
  for (const search::RankFacts& rank : run.ranks->ranks) {
    rows.push_back({html::number(fmt::format("{}", rank.rank)),
                    {html::text(rank.host)},
                    {html::text(rank.place)},
                    html::number(grouped(rank.evaluators)),
                    {run.running ? html::text(rank.state) : ""},
                    {html::text(rank.reason)}});
  }
  std::string text =
      fmt::format("<p>The ranks that evaluated in the latest start, of {}, by hierevo {}.</p>\n",
                  html::text(time_text(run.ranks->began)), html::text(run.ranks->program));
  const std::string table =
      html::table({"Rank", "Host", "Devices", "Evaluators", "State", "Why"}, rows);
  constexpr std::size_t few = 16;
  if (rows.size() <= few) return text + table;
  return text + fmt::format("<details><summary>{}</summary>{}</details>\n",
                            counted_text(rows.size(), "rank"), table);
}

std::string options(const RunData& run) {
  std::string text;
  if (run.data) {
    text += fmt::format("<p>Data: {}.</p>\n", html::text(search::description(*run.data)));
  }
  if (run.options.empty()) return text + "<p>All options have their defaults.</p>\n";
  std::vector<std::vector<html::Cell>> rows;
  for (const auto& [name, value] : run.options) {
    rows.push_back({{"<code>--" + html::text(name) + "</code>"}, {html::text(value)}});
  }
  return text + "<p>Options that differ from their defaults:</p>\n" +
         html::table({"Option", "Value"}, rows);
}

std::string part(const std::string& prefix, const std::string& id, const std::string& title,
                 const std::string& content) {
  return fmt::format("<section id=\"{0}{1}\"><h2>{2}</h2>\n{3}</section>\n", prefix, id,
                     html::text(title), content);
}

std::string numbers_table(const Chart& chart) {
  std::vector<std::vector<html::Cell>> rows;
  for (const Series& series : chart.series) {
    const std::vector<double>& highest = series.top.empty() ? series.y : series.top;
    if (series.x.empty()) continue;
    rows.push_back({{html::text(series.label)},
                    html::number(grouped(series.x.size())),
                    html::number(fmt::format("{:.6g}", std::ranges::min(series.y))),
                    html::number(fmt::format("{:.6g}", std::ranges::max(highest))),
                    html::number(fmt::format("{:.6g}", series.y.back()))});
  }
  return html::table({"Series", "Points", "Least", "Most", "Last"}, rows);
}

std::string canvas(const Chart& chart) {
  return fmt::format(
      "<div class=\"canvas\"><canvas role=\"img\" aria-label=\"{}: {}\"></canvas></div>",
      html::text(chart.title), html::text(chart.summary));
}

}  // namespace

std::string outcome(const RunData& run) {
  const std::size_t done = run.history().size();
  const std::string state = state_of(run);
  std::string text = fmt::format("The search {} {} of {} evaluations.",
                                 state == "running"    ? "is running, after"
                                 : state == "finished" ? "has finished, after"
                                 : state == "saved"    ? "was saved, to be resumed, after"
                                                       : "has stopped, after",
                                 grouped(done), grouped(run.search.options.evaluations));
  if (const Individual* best = run.best()) {
    text += fmt::format(
        " The best cell, individual {}, has a fitness of {}: a network of {} parameters.",
        number(best->candidate.id), fitness_text(best->evaluation),
        grouped_text(best->evaluation.parameters));
  } else {
    text += " No candidate has a fitness yet.";
  }
  return text;
}

std::string charts_html(const std::vector<Chart>& charts) {
  std::string text = "<div class=\"charts\">\n";
  for (const Chart& chart : charts) {
    std::string drawing = "<p class=\"soft\">There is nothing to show yet.</p>";
    if (!chart.empty()) {
      drawing = chart_library.empty() ? "" : canvas(chart);
      drawing += fmt::format("<details{}><summary>Numbers</summary>{}</details>",
                             chart_library.empty() ? " open" : "", numbers_table(chart));
    }
    text += fmt::format(
        "<figure class=\"chart\" id=\"{}\"><figcaption><h3>{}</h3>{}</figcaption>{}</figure>\n",
        chart.id, html::text(chart.title),
        chart.empty() ? "" : fmt::format("<p>{}</p>", html::text(chart.summary)), drawing);
  }
  return text + "</div>\n";
}

std::string run_section(const RunData& run, const std::vector<Chart>& search_charts,
                        const std::vector<Chart>& training_charts, const std::string& prefix) {
  std::string text = fmt::format("<p class=\"outcome\">{}</p>\n", html::text(outcome(run)));
  text += facts(run);
  text += part(prefix, "charts", "How the search went", charts_html(search_charts));
  if (has_front(run)) text += part(prefix, "front", "The Pareto front", front_html(run));
  if (const Individual* best = run.best()) {
    text += part(prefix, "cell", "The best cell", best_cell(run, *best));
    text += part(prefix, "best", "The best ten", best_ten(run, prefix));
    text += part(prefix, "family", "Where the best cell comes from", family(run, *best));
  }
  if (!run.trainings.empty()) {
    text +=
        part(prefix, "trainings", "Final trainings", trainings(run) + charts_html(training_charts));
  }
  text += part(prefix, "failures", "Failures", failures(run));
  text += part(prefix, "options", "What was run", options(run));
  text += part(prefix, "machine", "Where it ran", machine(run));
  return text;
}

}  // namespace hierevo::report
