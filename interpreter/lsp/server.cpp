#include "interpreter/lsp/server.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "interpreter/lsp/features.h"
#include "interpreter/lsp/wire.h"
#include "interpreter/syntax/format.h"

namespace bfl::lsp {
namespace {

using nlohmann::json;

constexpr int unknown_method = -32601, invalid_parameters = -32602, not_initialized = -32002, refused_request = -32803;
struct Refused { int code; std::string message; };

// `file:///a%20b.bfl` as a path; anything else is its own name.
std::string path_of(const std::string& uri) {
  if (!uri.starts_with("file://")) return uri;
  std::string path;
  for (std::size_t i = 7; i < uri.size(); ++i) {
    unsigned byte = 0;
    if (uri[i] == '%' && i + 2 < uri.size() && std::from_chars(uri.data() + i + 1, uri.data() + i + 3, byte, 16).ptr == uri.data() + i + 3) {
      path += static_cast<char>(byte);
      i += 2;
    } else {
      path += uri[i];
    }
  }
  return path;
}

Place place_of(const json& position) { return {position.at("line").get<std::size_t>(), position.at("character").get<std::size_t>()}; }

class Server {
 public:
  Server(Wire& wire, const World& world) : wire_(wire), world_(world) {}

  int run() {
    while (!left_) {
      if (!wire_.waiting()) publish_stale();
      const auto message = wire_.read();
      if (!message) break;
      const json parsed = json::parse(*message, nullptr, false);
      if (parsed.is_object()) take(parsed);
    }
    return shut_down_ ? 0 : 1;
  }

 private:
  void take(const json& message) {
    const std::string method = message.value("method", "");
    const bool asks = message.contains("id") && !method.empty();
    if (method.empty()) return;  // an answer
    const json params = message.value("params", json::object());
    json answer = {{"jsonrpc", "2.0"}};
    if (asks) answer["id"] = message["id"];
    try {
      if (!asks) return notified(method, params);
      if (!initialized_ && method != "initialize") throw Refused{not_initialized, "the server is not initialized"};
      answer["result"] = asked(method, params);
    } catch (const Refused& refused) {
      answer["error"] = {{"code", refused.code}, {"message", refused.message}};
    } catch (const json::exception& wrong) {
      answer["error"] = {{"code", invalid_parameters}, {"message", wrong.what()}};
    }
    if (asks) send(answer);
  }

  void send(const json& message) { wire_.write(message.dump(-1, ' ', false, json::error_handler_t::replace)); }
  void notify(const char* method, json params) { send({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}}); }

  // ---- documents ----------------------------------------------------------------------------------------------------
  void notified(const std::string& method, const json& params) {
    if (method == "exit") left_ = true;
    if (method == "textDocument/didOpen") {
      const json& of = params.at("textDocument");
      const std::string uri = of.at("uri");
      documents_.insert_or_assign(uri, Document(path_of(uri), of.at("text"), of.at("version").get<std::int64_t>()));
    } else if (method == "textDocument/didChange") {
      Document& document = named(params);
      for (const json& change : params.at("contentChanges")) {
        const std::string text = change.at("text");
        if (change.contains("range")) document.replace(place_of(change["range"]["start"]), place_of(change["range"]["end"]), text);
        else document.replace({0, 0}, {static_cast<std::size_t>(-1), 0}, text);
      }
      document.version = params["textDocument"].value("version", document.version);
    } else if (method == "textDocument/didClose") {
      const std::string uri = params.at("textDocument").at("uri");
      documents_.erase(uri);
      published_.erase(uri);
      notify("textDocument/publishDiagnostics", {{"uri", uri}, {"diagnostics", json::array()}});
    } else if (method == "textDocument/didSave" || method == "workspace/didChangeWatchedFiles") {
      for (auto& [uri, document] : documents_) document.stale = true;  // it may be a module of others
    }
  }

  Document& named(const json& params) {
    const auto found = documents_.find(params.at("textDocument").at("uri").get<std::string>());
    if (found == documents_.end()) throw Refused{invalid_parameters, "the document is not open"};
    return found->second;
  }
  Document& current(const json& params) {
    Document& document = named(params);
    refresh(document);
    return document;
  }
  void refresh(Document& document) {
    if (!document.stale) return;
    document.set(analyse(library_, world_, catalogues_, document.path, document.text));
  }
  void publish_stale() {
    for (auto& [uri, document] : documents_) {
      refresh(document);
      if (published_[uri] == document.now) continue;
      published_[uri] = document.now;
      notify("textDocument/publishDiagnostics", {{"uri", uri}, {"version", document.version}, {"diagnostics", diagnostics(uri, document)}});
    }
  }

  static json range(const Lines& lines, Span span) {
    const auto at = [&](std::uint32_t offset) {
      const Place place = lines.place(offset);
      return json{{"line", place.line}, {"character", place.character}};
    };
    return {{"start", at(span.begin)}, {"end", at(span.end)}};
  }

  json diagnostics(const std::string& uri, const Document& document) {
    const Lines lines(document.text);
    json list = json::array();
    for (const Diagnostic& diagnostic : document.now->diagnostics.all()) list.push_back(diagnostic_json(uri, document, lines, diagnostic));
    for (const lint::Finding& finding : document.now->findings) list.push_back(finding_json(lines, finding));
    return list;
  }
  static int level(Severity severity) { return severity == Severity::error ? 1 : severity == Severity::warning ? 2 : 3; }
  static json finding_json(const Lines& lines, const lint::Finding& finding) {
    std::string message = finding.message;
    if (!finding.help.empty()) message += "\nhelp: " + finding.help;
    return {{"range", range(lines, finding.span)}, {"severity", level(finding.severity)}, {"code", finding.rule->code}, {"source", "bfl lint"}, {"message", message}};
  }
  json diagnostic_json(const std::string& uri, const Document& document, const Lines& lines, const Diagnostic& diagnostic) {
    Span span = diagnostic.span;
    std::string message = diagnostic.message;
    if (!diagnostic.label.empty()) message += "\n" + diagnostic.label;
    for (const std::string& note : diagnostic.notes) message += "\nnote: " + note;
    if (!diagnostic.help.empty()) message += "\nhelp: " + diagnostic.help;
    json related = json::array();
    for (const Label& label : diagnostic.labels)
      if (label.span.file == document.now->file) related.push_back({{"location", {{"uri", uri}, {"range", range(lines, label.span)}}}, {"message", label.text}});
    if (span.file != document.now->file) {  // in a module: shown where this text asks for it
      message = fmt::format("{}: {}", span.file < document.now->texts.size() ? document.now->texts.file(span.file).path() : "", message);
      span = {0, 0, document.now->file};
      for (const Label& label : diagnostic.labels)
        if (label.span.file == document.now->file) span = label.span;
    }
    json made = {{"range", range(lines, span)}, {"severity", level(diagnostic.severity)},
                 {"code", code_text(diagnostic.code)}, {"source", "bfl"}, {"message", message}};
    if (!related.empty()) made["relatedInformation"] = related;
    if (diagnostic.code == Code::unused_name) made["tags"] = {1};
    return made;
  }

  // ---- requests -----------------------------------------------------------------------------------------------------
  json asked(const std::string& method, const json& params) {
    if (method == "initialize") return initialize(params);
    if (method == "shutdown") return shut_down_ = true, nullptr;
    if (method == "workspace/executeCommand") return execute(params);
    static const std::map<std::string_view, json (Server::*)(const json&)> answers = {
        {"textDocument/hover", &Server::answer_hover}, {"textDocument/documentSymbol", &Server::answer_outline}, {"textDocument/completion", &Server::answer_completion},
        {"textDocument/definition", &Server::answer_definition}, {"textDocument/references", &Server::answer_references}, {"textDocument/documentHighlight", &Server::answer_highlight},
        {"textDocument/rename", &Server::answer_rename}, {"textDocument/foldingRange", &Server::answer_folds}, {"textDocument/semanticTokens/full", &Server::answer_tokens},
        {"textDocument/codeAction", &Server::answer_actions}, {"textDocument/inlayHint", &Server::answer_hints}, {"textDocument/codeLens", &Server::answer_lenses},
        {"textDocument/diagnostic", &Server::answer_diagnostics}, {"textDocument/formatting", &Server::answer_formatting},
    };
    const auto found = answers.find(method);
    if (found == answers.end()) throw Refused{unknown_method, fmt::format("`{}` is not known", method)};
    return (this->*found->second)(params);
  }

  json initialize(const json& params) {
    initialized_ = true;
    if (params.contains("initializationOptions") && params["initializationOptions"].is_object()) plans_ = params["initializationOptions"].value("plan", false);
    return {{"serverInfo", {{"name", "bfl"}, {"version", BFL_VERSION}}},
            {"capabilities",
             {{"positionEncoding", "utf-16"},
              {"textDocumentSync", {{"openClose", true}, {"change", 2}, {"save", true}}},
              {"hoverProvider", true}, {"documentSymbolProvider", true}, {"definitionProvider", true}, {"referencesProvider", true},
              {"documentHighlightProvider", true}, {"renameProvider", true}, {"foldingRangeProvider", true}, {"inlayHintProvider", true},
              {"completionProvider", {{"triggerCharacters", {"."}}}},
              {"codeActionProvider", {{"codeActionKinds", {"quickfix"}}}},
              {"codeLensProvider", json::object()}, {"documentFormattingProvider", true},
              {"executeCommandProvider", {{"commands", {read_command}}}},
              {"diagnosticProvider", {{"interFileDependencies", false}, {"workspaceDiagnostics", false}}},
              {"semanticTokensProvider",
               {{"full", true}, {"legend", {{"tokenTypes", std::vector<std::string>(std::begin(token_names), std::end(token_names))}, {"tokenModifiers", {"declaration", "defaultLibrary"}}}}}}}}};
  }

  // Reads the catalogues of a job's sources: the one thing that connects, and only when somebody asks for it.
  json execute(const json& params) {
    if (params.at("command") != read_command) throw Refused{invalid_parameters, "the command is not known"};
    const std::string uri = params.at("arguments").at(0);
    Document& document = current({{"textDocument", {{"uri", uri}}}});
    std::string said;
    for (const program::Source& source : document.good ? document.good->program.sources : std::vector<program::Source>()) {
      auto catalogue = world_.read_catalogue(source);
      if (catalogue) catalogues_[source.url] = std::move(*catalogue);
      else said += fmt::format("{}{}: {}", said.empty() ? "" : "\n", source.name, catalogue.error().message);
    }
    for (auto& [other, of] : documents_) of.stale = true;
    if (!said.empty()) throw Refused{refused_request, said};
    return nullptr;
  }

  std::uint32_t offset_of(const Document& document, const json& params) { return Lines(document.text).offset(place_of(params.at("position"))); }
  json location(const json& params, const Lines& lines, Span span) { return {{"uri", params["textDocument"]["uri"]}, {"range", range(lines, span)}}; }

  json answer_hover(const json& params) {
    const Document& document = current(params);
    const auto found = hover(document, library_, offset_of(document, params));
    if (!found) return nullptr;
    return {{"contents", {{"kind", "markdown"}, {"value", found->markdown}}}, {"range", range(Lines(document.text), found->span)}};
  }
  json answer_outline(const json& params) {
    const Document& document = current(params);
    const Lines lines(document.text);
    static constexpr int kinds[] = {2, 13, 3, 5, 12, 12, 6, 24};  // in step with OutlineKind
    json list = json::array();
    for (const OutlineItem& item : outline(document))
      list.push_back({{"name", item.name.empty() ? item.detail : item.name}, {"detail", item.detail}, {"kind", kinds[static_cast<int>(item.kind)]},
                      {"range", range(lines, item.whole)}, {"selectionRange", range(lines, item.name_span)}});
    return list;
  }
  json answer_completion(const json& params) {
    const Document& document = current(params);
    static constexpr int kinds[] = {14, 3, 5, 7, 18, 6, 9, 6, 23};  // in step with CompletionKind
    static constexpr char order[] = {'6', '5', '1', '1', '4', '3', '4', '2', '1'};
    json list = json::array();
    for (Completion& item : complete(document, library_, offset_of(document, params))) {
      json made = {{"label", item.label}, {"kind", kinds[static_cast<int>(item.kind)]}, {"sortText", std::string(1, order[static_cast<int>(item.kind)]) + item.label}};
      if (!item.detail.empty()) made["detail"] = item.detail;
      if (!item.documentation.empty()) made["documentation"] = {{"kind", "markdown"}, {"value", item.documentation}};
      list.push_back(std::move(made));
    }
    return list;
  }
  json answer_definition(const json& params) {
    const Document& document = current(params);
    const auto found = definition(document, offset_of(document, params));
    return found ? location(params, Lines(document.text), *found) : json(nullptr);
  }
  json answer_references(const json& params) {
    const Document& document = current(params);
    const Lines lines(document.text);
    json list = json::array();
    for (Span span : references(document, offset_of(document, params), params.at("context").value("includeDeclaration", true))) list.push_back(location(params, lines, span));
    return list;
  }
  json answer_highlight(const json& params) {
    const Document& document = current(params);
    const Lines lines(document.text);
    json list = json::array();
    for (Span span : references(document, offset_of(document, params))) list.push_back({{"range", range(lines, span)}});
    return list;
  }
  json answer_rename(const json& params) {
    const Document& document = current(params);
    const std::string name = params.at("newName");
    const Renaming made = rename(document, offset_of(document, params), name);
    if (!made.refused.empty()) throw Refused{refused_request, made.refused};
    const Lines lines(document.text);
    json edits = json::array();
    for (Span span : made.places) edits.push_back({{"range", range(lines, span)}, {"newText", made.written}});
    return {{"changes", {{params["textDocument"]["uri"].get<std::string>(), edits}}}};
  }
  json answer_folds(const json& params) {
    const Document& document = current(params);
    const Lines lines(document.text);
    json list = json::array();
    for (Span span : folds(document)) {
      json made = {{"startLine", lines.place(span.begin).line}, {"endLine", lines.place(span.end).line}};
      if (document.text[span.begin] == '#') made["kind"] = "comment";
      list.push_back(std::move(made));
    }
    return list;
  }
  json answer_tokens(const json& params) {
    const Document& document = current(params);
    const Lines lines(document.text);
    json data = json::array();
    Place last;
    for (const Token& token : tokens(document)) {
      const Place from = lines.place(token.span.begin), to = lines.place(token.span.end);
      if (from.line != to.line) continue;
      data.push_back(from.line - last.line);
      data.push_back(from.line == last.line ? from.character - last.character : from.character);
      data.push_back(to.character - from.character);
      data.push_back(static_cast<int>(token.kind));
      data.push_back((token.declaration ? 1 : 0) + (token.library ? 2 : 0));
      last = from;
    }
    return {{"data", data}};
  }
  json answer_actions(const json& params) {
    const Document& document = current(params);
    const std::string uri = params["textDocument"]["uri"];
    const Lines lines(document.text);
    const Span asked_for{lines.offset(place_of(params.at("range").at("start"))), lines.offset(place_of(params["range"].at("end"))), document.now->file};
    json list = json::array();
    for (const Mend& mend : mends(document, asked_for))
      list.push_back({{"title", mend.title}, {"kind", "quickfix"}, {"diagnostics", {diagnostic_json(uri, document, lines, document.now->diagnostics.all()[mend.diagnostic])}},
                      {"edit", {{"changes", {{uri, {{{"range", range(lines, mend.span)}, {"newText", mend.text}}}}}}}}});
    for (const lint::Finding& finding : document.now->findings) {
      if (finding.fix.empty() || finding.span.end < asked_for.begin || finding.span.begin > asked_for.end) continue;
      json edits = json::array();
      for (const lint::Edit& edit : finding.fix) edits.push_back({{"range", range(lines, edit.span)}, {"newText", edit.text}});
      list.push_back({{"title", fmt::format("{}: {}", finding.rule->code, finding.rule->title)}, {"kind", "quickfix"}, {"diagnostics", {finding_json(lines, finding)}},
                      {"edit", {{"changes", {{uri, edits}}}}}});
    }
    return list;
  }
  json answer_hints(const json& params) {
    const Document& document = current(params);
    const Lines lines(document.text);
    const std::uint32_t from = lines.offset(place_of(params.at("range").at("start"))), to = lines.offset(place_of(params["range"].at("end")));
    json list = json::array();
    for (const Hint& hint : hints(document)) {
      if (hint.offset < from || hint.offset > to) continue;
      json made = {{"position", range(lines, {hint.offset, hint.offset, 0})["start"]}, {"label", hint.text}};
      if (!hint.tooltip.empty()) made["tooltip"] = hint.tooltip;
      list.push_back(std::move(made));
    }
    return list;
  }
  json answer_lenses(const json& params) {
    const Document& document = current(params);
    const std::string uri = params["textDocument"]["uri"];
    const Lines lines(document.text);
    json list = json::array();
    for (const OutlineItem& item : outline(document)) {
      const auto lens = [&](const char* title, const char* command) {
        list.push_back({{"range", range(lines, item.name_span)}, {"command", {{"title", title}, {"command", command}, {"arguments", {uri}}}}});
      };
      if (item.kind == OutlineKind::job && plans_) lens("plan", "bfl.plan"), lens("dry run", "bfl.dryRun");
      if (item.kind == OutlineKind::source && document.good) lens(document.good->unknown_sources ? "read the catalogue" : "read the catalogue again", read_command);
    }
    return list;
  }
  // As `bfl fmt` writes it; of what stays the same at both ends nothing is touched, so that the cursor stays where it is.
  json answer_formatting(const json& params) {
    const Document& document = current(params);
    const auto laid_out = syntax::format(document.text);
    if (!laid_out) throw Refused{refused_request, laid_out.error().message};
    const std::string &before = document.text, &after = *laid_out;
    if (before == after) return json::array();
    const auto begins = [](const std::string& text, std::size_t at) { return at == 0 || at >= text.size() || text[at - 1] == '\n'; };
    std::size_t same = 0, behind = 0;
    const std::size_t most = std::min(before.size(), after.size());
    while (same < most && before[same] == after[same]) ++same;
    while (same > 0 && !begins(before, same)) --same;
    while (behind < most - same && before[before.size() - 1 - behind] == after[after.size() - 1 - behind]) ++behind;
    while (behind > 0 && !begins(before, before.size() - behind)) --behind;
    const Span changed{static_cast<std::uint32_t>(same), static_cast<std::uint32_t>(before.size() - behind), document.now->file};
    json edits = json::array();
    edits.push_back({{"range", range(Lines(before), changed)}, {"newText", after.substr(same, after.size() - behind - same)}});
    return edits;
  }
  json answer_diagnostics(const json& params) {
    const Document& document = current(params);
    return {{"kind", "full"}, {"items", diagnostics(params["textDocument"]["uri"], document)}};
  }

  static constexpr const char* read_command = "bfl.readCatalogue";
  Wire& wire_;
  const World& world_;
  Library library_;
  Catalogues catalogues_;
  std::map<std::string, Document> documents_;
  std::map<std::string, std::shared_ptr<const Analysis>> published_;
  bool initialized_ = false, shut_down_ = false, left_ = false, plans_ = false;
};

}  // namespace

int serve(int in, int out, const World& world) {
  Wire wire(in, out);
  return Server(wire, world).run();
}

}  // namespace bfl::lsp
