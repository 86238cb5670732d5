;;; emacs_test.el --- Tests of bfl-mode  -*- lexical-binding: t; -*-
(require 'ert)
(require 'bfl-mode)

(defconst bfl-test--here (file-name-directory (or load-file-name buffer-file-name)))

(defun bfl-test--face (text)
  "The face of the first character of TEXT in the sample."
  (goto-char (point-min))
  (should (search-forward text))
  (get-text-property (match-beginning 0) 'face))

(ert-deftest bfl-colours ()
  (with-temp-buffer
    (insert-file-contents (expand-file-name "colours/words.bfl" bfl-test--here))
    (bfl-mode)
    (font-lock-ensure)
    (dolist (expected '(("# Words that" . font-lock-comment-delimiter-face) ("job words" . font-lock-keyword-face)
                        ("words {" . font-lock-function-name-face) ("\"Columns" . font-lock-string-face)
                        ("where order ==" . font-lock-keyword-face) ("order ==" . nil) ("limit 5" . font-lock-keyword-face)
                        ("2025-03-01" . font-lock-constant-face) ("set_them of" . font-lock-function-name-face)
                        ("set key" . font-lock-keyword-face) ("key = " . nil) ("lower(trim" . font-lock-builtin-face)
                        ("null =>" . font-lock-constant-face) ("and not" . font-lock-keyword-face) ("$by" . font-lock-variable-name-face)))
      (should (equal (list (car expected) (bfl-test--face (car expected))) (list (car expected) (cdr expected)))))))

(ert-deftest bfl-indentation ()
  (dolist (job (append (directory-files (expand-file-name "../../examples" bfl-test--here) t "\\.bfl\\'")
                       (list (expand-file-name "indent.bfl" bfl-test--here))))
    (with-temp-buffer
      (insert-file-contents job)
      (let ((wanted (buffer-string)))
        (goto-char (point-min))
        (while (re-search-forward "^[ \t]+" nil t) (replace-match ""))
        (bfl-mode)
        (let ((inhibit-message t)) (indent-region (point-min) (point-max)))
        (should (equal (buffer-string) wanted))))))

(ert-deftest bfl-files-and-comments ()
  (should (eq (cdr (assoc "\\.bfl\\'" auto-mode-alist)) 'bfl-mode))
  (with-temp-buffer
    (bfl-mode)
    (insert "set a = 1\n")
    (comment-region (point-min) (point-max))
    (should (equal (buffer-string) "# set a = 1\n"))))

;; Emacs 28 comes without eglot: what it asks for when it is loaded.
(defvar eglot-server-programs nil)
(ert-deftest bfl-language-server ()
  (provide 'eglot)
  (should (equal (cdr (assoc 'bfl-mode eglot-server-programs)) '("bfl" "lsp"))))
;;; emacs_test.el ends here
