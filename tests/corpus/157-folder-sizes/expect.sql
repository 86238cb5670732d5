SELECT fileid, size FROM filecache ORDER BY 1;
