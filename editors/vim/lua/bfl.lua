-- The language server in Neovim 0.7 and newer: one for each job's folder, started by ftplugin/bfl.vim.
local M = {}

local clients = {}

function M.start()
  local command = vim.g.bfl_path or 'bfl'
  if vim.fn.executable(command) == 0 then return end
  local folder = vim.fn.expand('%:p:h')
  if not clients[folder] or not vim.lsp.get_client_by_id(clients[folder]) then
    clients[folder] = vim.lsp.start_client({ name = 'bfl', cmd = { command, 'lsp' }, root_dir = folder })
  end
  if clients[folder] then vim.lsp.buf_attach_client(0, clients[folder]) end
end

-- Reads the catalogues of the job's sources: this connects to them.
function M.read_catalogue()
  vim.lsp.buf.execute_command({ command = 'bfl.readCatalogue', arguments = { vim.uri_from_bufnr(0) } })
end

return M
