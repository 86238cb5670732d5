// The language server: LSP 3.17 on two file descriptors, until the editor says `exit` or goes away.
#pragma once
#include "interpreter/lsp/analysis.h"

namespace bfl::lsp {

// The exit code: 0 after `shutdown`, 1 where the editor left without.
int serve(int in, int out, const World& world);

}  // namespace bfl::lsp
