SELECT f.fileid, m.mimetype, p.mimetype FROM filecache f JOIN mimetypes m ON m.id=f.mimetype JOIN mimetypes p ON p.id=f.mimepart ORDER BY 1;
SELECT mimetype FROM mimetypes ORDER BY 1;
